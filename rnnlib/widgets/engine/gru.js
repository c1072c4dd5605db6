/**
 * The GRU: gru.py for one sequence, in the same names, as `gru.forward(params, ids)` and so on.
 *
 *     a_r = x_t Wxr + h_{t-1} Whr + br,   r_t = σ(a_r)        reset gate
 *     a_z = x_t Wxz + h_{t-1} Whz + bz,   z_t = σ(a_z)        update gate
 *     m_t = h_{t-1} Whn + bn                                  what the candidate could take from the state before
 *     a_n = x_t Wxn + bh_n + r_t ⊙ m_t,   n_t = tanh(a_n)      candidate
 *     h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
 *     o_t = h_t Why + by,  ŷ_t = softmax(o_t)
 *
 * @typedef {{cell: "gru", V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array,
 *   bh: Float64Array, bn: Float64Array, by: Float64Array}} Params  Wxh (V, 3H), Whh (H, 3H), Why (H, V), bh (3H), bn (H),
 *   by (V); columns of the gates in the order r, z, n
 * @typedef {{T: number, ids: Int32Array, h0: Float64Array, a: Float64Array, r: Float64Array, z: Float64Array,
 *   m: Float64Array, n: Float64Array, h: Float64Array, o: Float64Array, yhat: Float64Array}} Trace  h0 (H); a (T, 3H);
 *   r, z, m, n, h (T, H); o, yhat (T, V)
 * @typedef {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, bn: Float64Array,
 *   by: Float64Array, h0: Float64Array, do: Float64Array, dh: Float64Array, da: Float64Array}} Grads  sums over the steps
 *   in the shapes of Params; h0 (H); per step do (T, V), dh (T, H), da (T, 3H)
 * @typedef {import("./loss.js").Reduction} Reduction
 */

import { lengths, outputErrors, sigmoid } from "./cell.js";
import { checkIds, checkInteger, checkLength, checkParams } from "./checks.js";
import { addProduct, addProductGradients, addTransposedProduct } from "./linalg.js";
import { softmax } from "./loss.js";
import { lengthOf } from "./optim.js";
import { drawn } from "./params.js";

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero: the same bits as
 * `gru.init_params(V, H, rng=np.random.default_rng(seed))`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint | import("./random.js").Generator} seed
 * @returns {Params}
 */
function initParams(V, H, seed) {
  return { cell: "gru", V, H, ...drawn(V, H, seed, "gru") };
}

/**
 * Run the network over `ids` from the state `h0`.
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  T ids, at least one; x_t Wxh is row ids[t] of Wxh
 * @param {ArrayLike<number> | null} [h0]  zeros unless given
 * @returns {Trace}
 */
function forward(params, ids, h0 = null) {
  checkParams(params, "gru");
  const { V, H, Wxh, Whh, Why, bh, bn, by } = params;
  checkIds("ids", ids, V);
  if (h0 !== null) checkLength("h0", h0, H);
  const T = ids.length;
  const [a, o, product] = [T * 3 * H, T * V, 3 * H].map((size) => new Float64Array(size));
  const [r, z, m, n, h] = Array.from({ length: 5 }, () => new Float64Array(T * H));
  const start = Float64Array.from(h0 ?? new Float64Array(H));

  let hPrevious = start;
  for (let t = 0; t < T; t++) {
    const at = a.subarray(t * 3 * H, (t + 1) * 3 * H);
    const ht = h.subarray(t * H, (t + 1) * H);
    const ot = o.subarray(t * V, (t + 1) * V);
    for (let j = 0; j < 3 * H; j++) at[j] = Wxh[ids[t] * 3 * H + j] + bh[j];
    addProduct(product.fill(0), hPrevious, Whh);
    for (let j = 0; j < H; j++) {
      const cell = t * H + j;
      at[j] += product[j];
      at[H + j] += product[H + j];
      r[cell] = sigmoid(at[j]);
      z[cell] = sigmoid(at[H + j]);
      m[cell] = product[2 * H + j] + bn[j];
      at[2 * H + j] += r[cell] * m[cell];
      n[cell] = Math.tanh(at[2 * H + j]);
      ht[j] = (1 - z[cell]) * n[cell] + z[cell] * hPrevious[j];
    }
    ot.set(by);
    addProduct(ot, ht, Why);
    hPrevious = ht;
  }
  return { T, ids: Int32Array.from(ids), h0: start, a, r, z, m, n, h, o, yhat: softmax(o, V) };
}

/**
 * One step back through the gates, from dh_t: writes da_t, and dk_t, the gradient of h_{t-1} Whh.
 *
 *     da_t = (da_n ⊙ m_t ⊙ r_t(1 - r_t),  dh_t ⊙ (h_{t-1} - n_t) ⊙ z_t(1 - z_t),  dh_t ⊙ (1 - z_t) ⊙ (1 - n_t²))
 *     dk_t = (da_r, da_z, da_n ⊙ r_t)
 */
function throughGates({ r, z, n, m, h, h0 }, t, dht, dat, dkt) {
  const H = dht.length;
  for (let j = 0; j < H; j++) {
    const cell = t * H + j;
    const ofN = dht[j] * (1 - z[cell]) * (1 - n[cell] * n[cell]);
    dat[j] = ofN * m[cell] * r[cell] * (1 - r[cell]);
    dat[H + j] = dht[j] * ((t ? h[cell - H] : h0[j]) - n[cell]) * z[cell] * (1 - z[cell]);
    dat[2 * H + j] = ofN;
    dkt[j] = dat[j];
    dkt[H + j] = dat[H + j];
    dkt[2 * H + j] = ofN * r[cell];
  }
}

/** dh_{t-1}, as far as it comes from step t: dh_t ⊙ z_t + dk_t Whhᵀ, into `dhPrevious`, which may be dh_t itself. */
function toStepBefore(Whh, { z }, t, dht, dkt, dhPrevious) {
  const H = dht.length;
  for (let j = 0; j < H; j++) dhPrevious[j] = dht[j] * z[t * H + j];
  addTransposedProduct(dhPrevious, dkt, Whh);
}

/**
 * For each lag below `reach`, what the losses of the steps lag, lag + 1, … add to dh that many steps before: rows of one
 * array, which is overwritten on the way to the next lag.
 */
function* sharesByLag({ V, H, Whh, Why }, trace, dO, reach) {
  const { T } = trace;
  const [dh, da, dk] = [T * H, 3 * H, 3 * H].map((size) => new Float64Array(size));
  const row = (t) => dh.subarray(t * H, (t + 1) * H);
  for (let t = 0; t < T; t++) addTransposedProduct(row(t), dO.subarray(t * V, (t + 1) * V), Why);
  yield dh;
  for (let lag = 1; lag < reach; lag++) {
    for (let s = 0; s < T - lag; s++) {
      throughGates(trace, s + 1, row(s + 1), da, dk);
      toStepBefore(Whh, trace, s + 1, row(s + 1), dk, row(s));
    }
    yield dh.subarray(0, (T - lag) * H);
  }
}

/** dh (T, H) where the loss of each step reaches back over at most `reach` steps. */
function truncatedErrors(params, trace, dO, reach) {
  const dh = new Float64Array(trace.h.length);
  for (const share of sharesByLag(params, trace, dO, reach)) share.forEach((value, j) => (dh[j] += value));
  return dh;
}

/**
 * The gradient of `crossEntropy(trace.o, y, V, reduction)` with respect to every parameter and h0, in one pass back:
 *
 *     do_t = ŷ_t - y_t                      divided by T when the loss is the mean
 *     dh_t = do_t Whyᵀ + dh_{t+1} ⊙ z_{t+1} + dk_{t+1} Whhᵀ;  da_t and dk_t as in `throughGates`
 *     dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ dk_t,  dWxh = Σ x_tᵀ da_t
 *     dbh = Σ da_t,  dbn = Σ da_n ⊙ r_t,  dby = Σ do_t,  dh0 = dh_1 ⊙ z_1 + dk_1 Whhᵀ
 *
 * With `truncate` = k the loss of each step reaches back over at most k steps; see `backward` of bptt.js.
 *
 * @param {Params} params
 * @param {Trace} trace  what `forward(params, ids, h0)` returned
 * @param {ArrayLike<number>} y  T target ids
 * @param {Reduction} [reduction]
 * @param {number | null} [truncate]  k, at least 1; null cuts nothing
 * @returns {Grads}
 */
function backward(params, trace, y, reduction = "mean", truncate = null) {
  checkParams(params, "gru");
  const dO = outputErrors(params, trace, y, reduction); // `do` is a reserved word
  if (truncate !== null) checkInteger("truncate", truncate, 1);
  const { V, H, Whh, Why } = params;
  const { T, ids, h0, z, h } = trace;
  const [dWxh, dWhh, dWhy] = [V * 3 * H, H * 3 * H, H * V].map((size) => new Float64Array(size));
  const [dbh, dbn, dby, dh0] = [3 * H, H, V, H].map((size) => new Float64Array(size));
  const [dh, da, dkt] = [T * H, T * 3 * H, 3 * H].map((size) => new Float64Array(size));
  const cut = truncate !== null && truncate < T ? truncatedErrors(params, trace, dO, truncate) : null;

  for (let t = T - 1; t >= 0; t--) {
    const row = (array, size = H) => array.subarray(t * size, (t + 1) * size);
    const before = (array, start) => (t ? array.subarray((t - 1) * H, t * H) : start);
    const [doT, dat, dht, dhPrevious] = [row(dO, V), row(da, 3 * H), row(dh), before(dh, dh0)]; // dh_t holds what step t + 1 sent
    for (let j = 0; j < V; j++) dby[j] += doT[j];
    addProductGradients(dht, dWhy, doT, row(h), Why);
    if (cut) dht.set(row(cut));
    throughGates(trace, t, dht, dat, dkt);
    for (let j = 0; j < 3 * H; j++) {
      dbh[j] += dat[j];
      dWxh[ids[t] * 3 * H + j] += dat[j];
    }
    for (let j = 0; j < H; j++) {
      dbn[j] += dkt[2 * H + j];
      dhPrevious[j] = dht[j] * z[t * H + j];
    }
    addProductGradients(dhPrevious, dWhh, dkt, before(h, h0), Whh);
  }
  return { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, bn: dbn, by: dby, h0: dh0, do: dO, dh, da };
}

/**
 * What the loss of each step adds to each step's da, over all gates: an array (T, T, 3H), zero for s > t. Summed over t
 * this is `backward(...).da`. The arguments are those of `backward`.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y
 * @param {Reduction} [reduction]
 * @returns {Float64Array}
 */
function shares(params, trace, y, reduction = "mean") {
  checkParams(params, "gru");
  const dO = outputErrors(params, trace, y, reduction);
  const { H } = params;
  const { T } = trace;
  const [result, dk] = [new Float64Array(T * T * 3 * H), new Float64Array(3 * H)];
  for (const dh of sharesByLag(params, trace, dO, T)) {
    const lag = T - dh.length / H;
    for (let s = 0; s < T - lag; s++) {
      const at = ((s + lag) * T + s) * 3 * H;
      throughGates(trace, s, dh.subarray(s * H, (s + 1) * H), result.subarray(at, at + 3 * H), dk);
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
 * How long the gradient of the loss of step t is on its way back: |dh_s| for s = t, …, 0 and last for the state before the
 * first step. See `gradient_flow` of flow.py.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} t  from zero
 * @returns {{dh: Float64Array}}  lengths by lag, t + 2
 */
function gradientFlow(params, trace, y, t) {
  checkParams(params, "gru");
  const dO = outputErrors(params, trace, y, "sum");
  checkInteger("t", t, 0, trace.T - 1);
  const { V, H, Whh, Why } = params;
  const lengthsOf = new Float64Array(t + 2);
  const [dh, da, dk] = [H, 3 * H, 3 * H].map((size) => new Float64Array(size));
  addTransposedProduct(dh, dO.subarray(t * V, (t + 1) * V), Why);
  for (let s = t; s >= 0; s--) {
    lengthsOf[t - s] = lengthOf(dh);
    throughGates(trace, s, dh, da, dk);
    toStepBefore(Whh, trace, s, dh, dk, dh);
  }
  lengthsOf[t + 1] = lengthOf(dh);
  return { dh: lengthsOf };
}

export const gru = { initParams, forward, backward, shares, contributions, gradientFlow };
