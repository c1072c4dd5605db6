/**
 * Backpropagation through time: bptt.py, function by function and in the same names, for one sequence (B = 1).
 * Nothing in this folder touches the page.
 *
 * Matrices are row-major `Float64Array`s: entry (i, j) of Whh is `Whh[i * H + j]`, and row t of h starts at `t * H`.
 * Steps count from zero, as in Python. Wrong input throws a RangeError that names the argument, what was expected and
 * what came, before anything is computed.
 *
 * @typedef {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, by: Float64Array,
 *   h0: Float64Array, do: Float64Array, dh: Float64Array, da: Float64Array}} Grads  sums over the steps in the shapes
 *   of Params; h0 (H); per step do (T, V), dh and da (T, H)
 * @typedef {{error: Float64Array, jacobians: Float64Array[], along: Float64Array[], slope: Float64Array,
 *   state: Float64Array, share: Float64Array}} Path  jacobians (H, H), one for each step on the way; all else (H)
 * @typedef {import("./params.js").Params} Params
 * @typedef {import("./rnn.js").Trace} Trace
 * @typedef {import("./loss.js").Reduction} Reduction
 */

import {
  checkInteger, checkLength, checkNumbers, checkParams, checkReduction, checkTargets, checkTrace, wrongArgument,
} from "./checks.js";
import { addOuterProduct, addProduct, addProductGradients, addTransposedProduct } from "./linalg.js";
import { PARAMETERS } from "./flat.js";

/**
 * For each lag below `reach`, what the losses of the steps lag, lag + 1, … add to dh that many steps before: rows of
 * one array, which is overwritten on the way to the next lag.
 */
function* sharesByLag({ V, H, Whh, Why }, h, dO, reach) {
  const T = h.length / H;
  const share = new Float64Array(T * H);
  const da = new Float64Array(H);
  for (let t = 0; t < T; t++) {
    addTransposedProduct(share.subarray(t * H, (t + 1) * H), dO.subarray(t * V, (t + 1) * V), Why);
  }
  yield share;
  for (let lag = 1; lag < reach; lag++) {
    for (let s = 0; s < T - lag; s++) {
      const next = (s + 1) * H;
      for (let j = 0; j < H; j++) da[j] = share[next + j] * (1 - h[next + j] * h[next + j]);
      addTransposedProduct(share.subarray(s * H, next).fill(0), da, Whh);
    }
    yield share.subarray(0, (T - lag) * H);
  }
}

/** dh (T, H) where the loss of each step reaches back over at most `reach` pre-activations. */
export function truncatedErrors(params, h, dO, reach) {
  const dh = new Float64Array(h.length);
  for (const share of sharesByLag(params, h, dO, reach)) {
    for (let i = 0; i < share.length; i++) dh[i] += share[i];
  }
  return dh;
}

/**
 * The gradient of `crossEntropy(trace.o, y, V, reduction)` in every parameter and in h0, in one pass back:
 *
 *     do_t = ŷ_t - y_t                      divided by T when the loss is the mean
 *     dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ
 *     da_t = dh_t ⊙ (1 - h_t²)
 *     dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
 *     dh0 = da_1 Whhᵀ
 *
 * With `truncate` = k the loss of each step reaches back over at most k pre-activations: k = 1 is its own step only,
 * k = T the full gradient. da_s is then the sum of the losses' shares (see `shares`) from step s to s + k - 1, and all
 * the other sums follow from it as above. This takes up to k passes instead of one.
 *
 * @param {Params} params
 * @param {Trace} trace  what `forward(params, ids, h0)` returned
 * @param {ArrayLike<number>} y  T target ids
 * @param {Reduction} [reduction]
 * @param {number | null} [truncate]  k, at least 1; null cuts nothing
 * @returns {Grads}
 */
export function backward(params, trace, y, reduction = "mean", truncate = null) {
  checkParams(params);
  checkTrace(trace, params);
  checkReduction(reduction);
  const { V, H, Whh, Why } = params;
  const { T, ids, h0, h } = trace;
  checkTargets(y, T, V);
  if (truncate !== null) checkInteger("truncate", truncate, 1);

  const dWxh = new Float64Array(V * H);
  const dWhh = new Float64Array(H * H);
  const dWhy = new Float64Array(H * V);
  const dbh = new Float64Array(H);
  const dby = new Float64Array(V);
  const dh0 = new Float64Array(H);
  const dO = Float64Array.from(trace.yhat); // `do` is a reserved word
  const dh = new Float64Array(T * H);
  const da = new Float64Array(T * H);

  for (let t = 0; t < T; t++) dO[t * V + y[t]] -= 1;
  if (reduction === "mean") for (let i = 0; i < dO.length; i++) dO[i] /= T;
  const cut = truncate !== null && truncate < T ? truncatedErrors(params, h, dO, truncate) : null;

  for (let t = T - 1; t >= 0; t--) {
    const ht = h.subarray(t * H, (t + 1) * H);
    const doT = dO.subarray(t * V, (t + 1) * V);
    const dht = dh.subarray(t * H, (t + 1) * H); // already holds da_{t+1} Whhᵀ, from the step after
    const dat = da.subarray(t * H, (t + 1) * H);
    const hPrevious = t ? h.subarray((t - 1) * H, t * H) : h0;
    const dhPrevious = t ? dh.subarray((t - 1) * H, t * H) : dh0;

    for (let j = 0; j < V; j++) dby[j] += doT[j];
    addProductGradients(dht, dWhy, doT, ht, Why);
    if (cut) dht.set(cut.subarray(t * H, (t + 1) * H)); // without what came back from the losses beyond the cut
    for (let j = 0; j < H; j++) {
      dat[j] = dht[j] * (1 - ht[j] * ht[j]);
      dbh[j] += dat[j];
      dWxh[ids[t] * H + j] += dat[j];
    }
    addProductGradients(dhPrevious, dWhh, dat, hPrevious, Whh);
  }
  return { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby, h0: dh0, do: dO, dh, da };
}

/**
 * What the loss of each step adds to each step's da: an array (T, T, H).
 *
 *     shares[t, s] = ∂L_t/∂a_s = (do_t Whyᵀ) ⊙ (1 - h_t²) · Π Whhᵀ diag(1 - h_r²),  r = t-1, …, s;  zero for s > t
 *
 * Summed over t this is `backward(...).da`; summed over the band t < s + k it is that of `truncate` = k. The arguments
 * are those of `backward`.
 *
 * @returns {Float64Array}
 */
export function shares(params, trace, y, /** @type {Reduction} */ reduction = "mean") {
  const { do: dO } = backward(params, trace, y, reduction);
  const { H } = params;
  const { T, h } = trace;
  const result = new Float64Array(T * T * H);
  for (const share of sharesByLag(params, h, dO, T)) {
    const lag = T - share.length / H;
    for (let s = 0; s < T - lag; s++) {
      const start = ((s + lag) * T + s) * H;
      for (let j = 0; j < H; j++) result[start + j] = share[s * H + j] * (1 - h[s * H + j] * h[s * H + j]);
    }
  }
  return result;
}

/**
 * How much the loss of step t moves the pre-activation of step s: the lengths |shares[t, s]|, an array (T, T). The
 * arguments are those of `backward`.
 *
 * @returns {Float64Array}
 */
export function contributions(params, trace, y, /** @type {Reduction} */ reduction = "mean") {
  const array = shares(params, trace, y, reduction);
  const { H } = params;
  return Float64Array.from({ length: trace.T ** 2 }, (_, cell) => {
    let sum = 0;
    for (let i = cell * H; i < (cell + 1) * H; i++) sum += array[i] * array[i];
    return Math.sqrt(sum);
  });
}

/**
 * The terms of shares[t, s]: what the loss of step t goes through on its way back to step s.
 *
 *     ∂L_t/∂h_t = do_t Whyᵀ,  ∂h_r/∂h_{r-1} = diag(1 - h_r²) Whhᵀ,  ∂h_s/∂a_s = diag(1 - h_s²)
 *     share = do_t Whyᵀ · Π diag(1 - h_r²) Whhᵀ · diag(1 - h_s²),  r = t, …, s+1
 *
 * error is ∂L_t/∂h_t; jacobians[i] is ∂h_r/∂h_{r-1} for r = t - i; along[i] is ∂L_t/∂h_{t-i}, from error to step s;
 * slope is 1 - h_s²; state is h_{s-1}, the initial state where s is the first step.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {ArrayLike<number>} y
 * @param {number} t  from zero
 * @param {number} s  from zero, at most t
 * @param {Reduction} [reduction]
 * @returns {Path}
 */
export function path(params, trace, y, t, s, reduction = "mean") {
  checkParams(params);
  checkTrace(trace, params);
  checkInteger("t", t, 0, trace.T - 1);
  checkInteger("s", s, 0, t);
  const { H, Whh } = params;
  const { h, h0 } = trace;
  const slopes = h.map((value) => 1 - value * value);
  const error = backward(params, trace, y, reduction, 1).dh.slice(t * H, (t + 1) * H); // of its own loss alone
  const jacobians = [];
  const along = [error];
  for (let r = t; r > s; r--) {
    const jacobian = new Float64Array(H * H);
    for (let j = 0; j < H; j++) {
      for (let k = 0; k < H; k++) jacobian[j * H + k] = slopes[r * H + j] * Whh[k * H + j];
    }
    const before = new Float64Array(H);
    addProduct(before, along.at(-1), jacobian);
    jacobians.push(jacobian);
    along.push(before);
  }
  const slope = slopes.slice(s * H, (s + 1) * H);
  const state = s ? h.slice((s - 1) * H, s * H) : Float64Array.from(h0);
  return { error, jacobians, along, slope, state, share: along[t - s].map((value, j) => value * slope[j]) };
}

/**
 * What the steps from … T - 1 alone add to the gradient of each parameter: the sums that a pass back has collected when
 * it has come down to the step `from`.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {Grads} grads  what `backward` returned
 * @param {number} from  from zero; zero gives the whole gradient, T no step at all
 * @returns {Object<string, Float64Array>}  by the names of the parameters
 */
export function sumsFrom(params, trace, grads, from) {
  checkParams(params);
  checkTrace(trace, params);
  const { V, H } = params;
  const { T, ids, h0, h } = trace;
  checkLength("grads.do", grads?.do, T * V);
  checkLength("grads.da", grads.da, T * H);
  checkInteger("from", from, 0, T);
  const sums = Object.fromEntries(PARAMETERS.map((name) => [name, new Float64Array(params[name].length)]));
  for (let t = T - 1; t >= from; t--) {
    const doT = grads.do.subarray(t * V, (t + 1) * V);
    const dat = grads.da.subarray(t * H, (t + 1) * H);
    for (let j = 0; j < V; j++) sums.by[j] += doT[j];
    for (let j = 0; j < H; j++) {
      sums.bh[j] += dat[j];
      sums.Wxh[ids[t] * H + j] += dat[j];
    }
    addOuterProduct(sums.Why, h.subarray(t * H, (t + 1) * H), doT);
    addOuterProduct(sums.Whh, t ? h.subarray((t - 1) * H, t * H) : h0, dat);
  }
  return sums;
}

/**
 * The cosine of the angle between two sets of gradients, all of them taken as one long vector; NaN if either is zero.
 *
 * @param {Object<string, ArrayLike<number>>} a
 * @param {Object<string, ArrayLike<number>>} b
 * @param {string[]} [names]  which gradients count
 * @returns {number}
 */
export function cosine(a, b, names = PARAMETERS) {
  if (!(names?.length > 0)) throw wrongArgument("names", "at least one name", names);
  for (const name of names) {
    checkNumbers(`a.${name}`, a?.[name]);
    checkLength(`b.${name}`, b?.[name], a[name].length);
  }
  const vector = (grads) => {
    const all = names.flatMap((name) => Array.from(grads[name]));
    const largest = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return all.map((value) => value / largest); // or the squares of small numbers would vanish
  };
  const dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  const [p, q] = [vector(a), vector(b)];
  return Math.max(-1, Math.min(1, dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q)))); // rounding may lead beyond
}
