/**
 * The LSTM: lstm.py for one sequence, in the same names, as `lstm.forward(params, ids)` and so on.
 *
 *     a_t = x_t Wxh + h_{t-1} Whh + bh               four blocks of H columns side by side: a_i, a_f, a_g, a_q
 *     i_t = σ(a_i)   f_t = σ(a_f)   g_t = tanh(a_g)   q_t = σ(a_q)
 *     c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
 *     h_t = q_t ⊙ tanh(c_t)
 *     o_t = h_t Why + by,  ŷ_t = softmax(o_t)
 *
 * @typedef {{cell: "lstm", V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array,
 *   bh: Float64Array, by: Float64Array}} Params  Wxh (V, 4H), Whh (H, 4H), Why (H, V), bh (4H), by (V); columns of the
 *   gates in the order i, f, g, q
 * @typedef {{T: number, ids: Int32Array, h0: Float64Array, c0: Float64Array, a: Float64Array, i: Float64Array,
 *   f: Float64Array, g: Float64Array, q: Float64Array, c: Float64Array, h: Float64Array, o: Float64Array,
 *   yhat: Float64Array}} Trace  h0, c0 (H); a (T, 4H); i, f, g, q, c, h (T, H); o, yhat (T, V)
 * @typedef {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, by: Float64Array,
 *   h0: Float64Array, c0: Float64Array, do: Float64Array, dh: Float64Array, dc: Float64Array,
 *   da: Float64Array}} Grads  sums over the steps in the shapes of Params; h0, c0 (H); per step do (T, V), dh (T, H), da
 *   (T, 4H), and dc (T, H), the gradient of c_t by both paths: through h_t, and through c_{t+1}
 * @typedef {import("./loss.js").Reduction} Reduction
 */

import { lengths, outputErrors, sigmoid } from "./cell.js";
import { checkIds, checkInteger, checkLength, checkParams, wrongArgument } from "./checks.js";
import { addProduct, addProductGradients, addTransposedProduct } from "./linalg.js";
import { softmax } from "./loss.js";
import { lengthOf } from "./optim.js";
import { freshParams } from "./params.js";

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero but for that of the forget gate: the
 * same bits as `lstm.init_params(V, H, rng=np.random.default_rng(seed), forget_bias=forgetBias)`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint | import("./random.js").Generator} seed
 * @param {number} [forgetBias]
 * @returns {Params}
 */
function initParams(V, H, seed, forgetBias = 1) {
  if (!Number.isFinite(forgetBias)) throw wrongArgument("forgetBias", "a finite number", forgetBias);
  return freshParams("lstm", V, H, seed, forgetBias);
}

/**
 * Run the network over `ids` from the states `h0` and `c0`.
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  T ids, at least one; x_t Wxh is row ids[t] of Wxh
 * @param {ArrayLike<number> | null} [h0]  zeros unless given
 * @param {ArrayLike<number> | null} [c0]  zeros unless given
 * @returns {Trace}
 */
function forward(params, ids, h0 = null, c0 = null) {
  checkParams(params, "lstm");
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  checkIds("ids", ids, V);
  if (h0 !== null) checkLength("h0", h0, H);
  if (c0 !== null) checkLength("c0", c0, H);
  const T = ids.length;
  const [a, o] = [new Float64Array(T * 4 * H), new Float64Array(T * V)];
  const [i, f, g, q, c, h] = Array.from({ length: 6 }, () => new Float64Array(T * H));
  const hStart = Float64Array.from(h0 ?? new Float64Array(H));
  const cStart = Float64Array.from(c0 ?? new Float64Array(H));

  let [hPrevious, cPrevious] = [hStart, cStart];
  for (let t = 0; t < T; t++) {
    const at = a.subarray(t * 4 * H, (t + 1) * 4 * H);
    const ct = c.subarray(t * H, (t + 1) * H);
    const ht = h.subarray(t * H, (t + 1) * H);
    const ot = o.subarray(t * V, (t + 1) * V);
    for (let j = 0; j < 4 * H; j++) at[j] = Wxh[ids[t] * 4 * H + j] + bh[j];
    addProduct(at, hPrevious, Whh);
    for (let j = 0; j < H; j++) {
      const cell = t * H + j;
      i[cell] = sigmoid(at[j]);
      f[cell] = sigmoid(at[H + j]);
      g[cell] = Math.tanh(at[2 * H + j]);
      q[cell] = sigmoid(at[3 * H + j]);
      ct[j] = f[cell] * cPrevious[j] + i[cell] * g[cell];
      ht[j] = q[cell] * Math.tanh(ct[j]);
    }
    ot.set(by);
    addProduct(ot, ht, Why);
    [hPrevious, cPrevious] = [ht, ct];
  }
  return { T, ids: Int32Array.from(ids), h0: hStart, c0: cStart, a, i, f, g, q, c, h, o, yhat: softmax(o, V) };
}

/**
 * One step back through the gates, from dh_t and what comes along c, to which dc_t is completed: writes da_t.
 *
 *     dc_t = dh_t ⊙ q_t ⊙ (1 - tanh²(c_t)) + dc_{t+1} ⊙ f_{t+1}
 *     da_t = (dc_t ⊙ g_t ⊙ i_t(1 - i_t),  dc_t ⊙ c_{t-1} ⊙ f_t(1 - f_t),
 *             dc_t ⊙ i_t ⊙ (1 - g_t²),    dh_t ⊙ tanh(c_t) ⊙ q_t(1 - q_t))
 */
function throughGates({ i, f, g, q, c, c0 }, t, dht, dct, dat) {
  const H = dht.length;
  for (let j = 0; j < H; j++) {
    const cell = t * H + j;
    const tanhC = Math.tanh(c[cell]);
    dct[j] += dht[j] * q[cell] * (1 - tanhC * tanhC);
    dat[j] = dct[j] * g[cell] * i[cell] * (1 - i[cell]);
    dat[H + j] = dct[j] * (t ? c[cell - H] : c0[j]) * f[cell] * (1 - f[cell]);
    dat[2 * H + j] = dct[j] * i[cell] * (1 - g[cell] * g[cell]);
    dat[3 * H + j] = dht[j] * tanhC * q[cell] * (1 - q[cell]);
  }
}

/**
 * For each lag below `reach`, what the losses of the steps lag, lag + 1, … send to h_t, and to c_t along c, that many steps
 * before: rows of two arrays, which are overwritten on the way to the next lag.
 */
function* sharesByLag({ V, H, Whh, Why }, trace, dO, reach) {
  const { T, f } = trace;
  const [dh, dc] = [new Float64Array(T * H), new Float64Array(T * H)];
  const da = new Float64Array(4 * H);
  const row = (array, t) => array.subarray(t * H, (t + 1) * H);
  for (let t = 0; t < T; t++) addTransposedProduct(row(dh, t), dO.subarray(t * V, (t + 1) * V), Why);
  yield [dh, dc];
  for (let lag = 1; lag < reach; lag++) {
    for (let s = 0; s < T - lag; s++) {
      throughGates(trace, s + 1, row(dh, s + 1), row(dc, s + 1), da);
      addTransposedProduct(row(dh, s).fill(0), da, Whh);
      for (let j = s * H; j < (s + 1) * H; j++) dc[j] = dc[j + H] * f[j + H];
    }
    yield [dh.subarray(0, (T - lag) * H), dc.subarray(0, (T - lag) * H)];
  }
}

/** dh and the part of dc that comes along c, where the loss of each step reaches back over at most `reach` steps. */
function truncatedErrors(params, trace, dO, reach) {
  const sums = [new Float64Array(trace.h.length), new Float64Array(trace.c.length)];
  for (const parts of sharesByLag(params, trace, dO, reach)) {
    parts.forEach((part, which) => part.forEach((value, j) => (sums[which][j] += value)));
  }
  return sums;
}

/**
 * The gradient of `crossEntropy(trace.o, y, V, reduction)` with respect to every parameter, h0 and c0, in one pass back:
 *
 *     do_t = ŷ_t - y_t                      divided by T when the loss is the mean
 *     dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ;  dc_t and da_t as in `throughGates`
 *     dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
 *     dh0 = da_1 Whhᵀ,  dc0 = dc_1 ⊙ f_1
 *
 * With `truncate` = k the loss of each step reaches back over at most k steps, by either path; see `backward` of bptt.js.
 *
 * @param {Params} params
 * @param {Trace} trace  what `forward(params, ids, h0, c0)` returned
 * @param {ArrayLike<number>} y  T target ids
 * @param {Reduction} [reduction]
 * @param {number | null} [truncate]  k, at least 1; null cuts nothing
 * @returns {Grads}
 */
function backward(params, trace, y, reduction = "mean", truncate = null) {
  checkParams(params, "lstm");
  const dO = outputErrors(params, trace, y, reduction); // `do` is a reserved word
  if (truncate !== null) checkInteger("truncate", truncate, 1);
  const { V, H, Whh, Why } = params;
  const { T, ids, h0, f, h } = trace;
  const [dWxh, dWhh, dWhy] = [V * 4 * H, H * 4 * H, H * V].map((size) => new Float64Array(size));
  const [dbh, dby, dh0, dc0] = [4 * H, V, H, H].map((size) => new Float64Array(size));
  const [dh, dc, da] = [T * H, T * H, T * 4 * H].map((size) => new Float64Array(size));
  const cut = truncate !== null && truncate < T ? truncatedErrors(params, trace, dO, truncate) : null;

  for (let t = T - 1; t >= 0; t--) {
    const row = (array, size = H) => array.subarray(t * size, (t + 1) * size);
    const [doT, dat, dht, dct] = [row(dO, V), row(da, 4 * H), row(dh), row(dc)]; // dh_t and dc_t hold what step t + 1 sent
    const before = (array, start) => (t ? array.subarray((t - 1) * H, t * H) : start);
    const dcPrevious = before(dc, dc0);
    for (let j = 0; j < V; j++) dby[j] += doT[j];
    addProductGradients(dht, dWhy, doT, row(h), Why);
    if (cut) [dht, dct].forEach((errors, which) => errors.set(row(cut[which])));
    throughGates(trace, t, dht, dct, dat);
    for (let j = 0; j < 4 * H; j++) {
      dbh[j] += dat[j];
      dWxh[ids[t] * 4 * H + j] += dat[j];
    }
    addProductGradients(before(dh, dh0), dWhh, dat, before(h, h0), Whh);
    for (let j = 0; j < H; j++) dcPrevious[j] = dct[j] * f[t * H + j];
  }
  return { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby, h0: dh0, c0: dc0, do: dO, dh, dc, da };
}

/**
 * What the loss of each step adds to each step's da, over all gates: an array (T, T, 4H), zero for s > t. Summed over t
 * this is `backward(...).da`. The arguments are those of `backward`.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y
 * @param {Reduction} [reduction]
 * @returns {Float64Array}
 */
function shares(params, trace, y, reduction = "mean") {
  checkParams(params, "lstm");
  const dO = outputErrors(params, trace, y, reduction);
  const { H } = params;
  const { T } = trace;
  const result = new Float64Array(T * T * 4 * H);
  for (const [dh, dc] of sharesByLag(params, trace, dO, T)) {
    const lag = T - dh.length / H;
    for (let s = 0; s < T - lag; s++) {
      const at = ((s + lag) * T + s) * 4 * H;
      throughGates(trace, s, dh.subarray(s * H, (s + 1) * H), dc.slice(s * H, (s + 1) * H), result.subarray(at, at + 4 * H));
    }
  }
  return result;
}

/**
 * How strongly the loss of step t depends on the pre-activations of step s: the lengths |shares[t, s]| over all gates, an
 * array (T, T). The arguments are those of `backward`.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y
 * @param {Reduction} [reduction]
 * @returns {Float64Array}
 */
function contributions(params, trace, y, reduction = "mean") {
  return lengths(shares(params, trace, y, reduction), trace.T);
}

/**
 * How long the gradient of the loss of step t is on its way back: |dh_s| and |dc_s|, as `backward` defines them, for
 * s = t, …, 0 and last for the states before the first step. See `gradient_flow` of flow.py.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} t  from zero
 * @returns {{dh: Float64Array, dc: Float64Array}}  lengths by lag, t + 2 each
 */
function gradientFlow(params, trace, y, t) {
  checkParams(params, "lstm");
  const dO = outputErrors(params, trace, y, "sum");
  checkInteger("t", t, 0, trace.T - 1);
  const { V, H, Whh, Why } = params;
  const lengthsOf = { dh: new Float64Array(t + 2), dc: new Float64Array(t + 2) };
  const [dh, dc, da] = [H, H, 4 * H].map((size) => new Float64Array(size));
  addTransposedProduct(dh, dO.subarray(t * V, (t + 1) * V), Why);
  for (let s = t; s >= 0; s--) {
    lengthsOf.dh[t - s] = lengthOf(dh);
    throughGates(trace, s, dh, dc, da);
    lengthsOf.dc[t - s] = lengthOf(dc);
    addTransposedProduct(dh.fill(0), da, Whh);
    for (let j = 0; j < H; j++) dc[j] *= trace.f[s * H + j];
  }
  lengthsOf.dh[t + 1] = lengthOf(dh);
  lengthsOf.dc[t + 1] = lengthOf(dc);
  return lengthsOf;
}

export const lstm = { initParams, forward, backward, shares, contributions, gradientFlow };
