/**
 * The numerics of every view: the vanilla recurrent network of text.py, rnn.py, loss.py and bptt.py, function by
 * function and in the same names, for one sequence at a time (B = 1). Nothing here touches the page.
 *
 * Matrices are row-major `Float64Array`s: entry (i, j) of Whh is `Whh[i * H + j]`, and row t of h starts at `t * H`.
 * Steps count from zero, as in Python. Wrong input throws a RangeError that names the argument, what was expected and
 * what came, before anything is computed.
 *
 * @typedef {{V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array,
 *   by: Float64Array}} Params  Wxh (V, H), Whh (H, H), Why (H, V), bh (H), by (V)
 * @typedef {{T: number, ids: Int32Array, h0: Float64Array, a: Float64Array, h: Float64Array, o: Float64Array,
 *   yhat: Float64Array}} Trace  h0 (H); a, h (T, H); o, yhat (T, V)
 * @typedef {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, by: Float64Array,
 *   h0: Float64Array, do: Float64Array, dh: Float64Array, da: Float64Array}} Grads  sums over the steps in the shapes
 *   of Params; h0 (H); per step do (T, V), dh and da (T, H)
 * @typedef {{error: Float64Array, jacobians: Float64Array[], along: Float64Array[], slope: Float64Array,
 *   state: Float64Array, share: Float64Array}} Path  jacobians (H, H), one for each step on the way; all else (H)
 * @typedef {"mean" | "sum"} Reduction
 */

import {
  wrongArgument, checkInteger, checkLength, checkNumbers, checkIds, checkTargets, checkLogits, checkReduction,
  checkParams, checkTrace,
} from "./arguments.js";
import { addProduct, addTransposedProduct, addOuterProduct, addProductGradients } from "./products.js";
import { generator } from "./random.js";

/** The names of the five parameters. */
export const PARAMETERS = ["Wxh", "Whh", "Why", "bh", "by"];

// --- text.py --------------------------------------------------------------------------------------------------------

/**
 * The distinct characters of `text`, sorted by code point; a character's id is its place in that order.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function vocabulary(text) {
  // Strings iterate by code point, but compare by UTF-16 unit, which would put emoji before U+E000 to U+FFFF.
  return [...new Set(text)].sort((p, q) => p.codePointAt(0) - q.codePointAt(0));
}

/**
 * Ids of the characters of `text`. Throws an Error naming the characters that `vocab` lacks.
 *
 * @param {string[]} vocab  as `vocabulary` gives it
 * @param {string} text
 * @returns {Int32Array}
 */
export function encode(vocab, text) {
  const idOf = new Map(vocab.map((character, id) => [character, id]));
  const unknown = vocabulary(text).filter((character) => !idOf.has(character));
  if (unknown.length) {
    const names = unknown.map((character) => JSON.stringify(character)).join(", ");
    throw new Error(`text: expected only the ${vocab.length} characters of the vocabulary, got the unknown ${names}`);
  }
  return Int32Array.from([...text], (character) => idOf.get(character));
}

// --- rnn.py ---------------------------------------------------------------------------------------------------------

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero: the same bits as
 * `init_params(V, H, rng=np.random.default_rng(seed))`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint} seed
 * @returns {Params}
 */
export function initParams(V, H, seed) {
  checkInteger("V", V, 1);
  checkInteger("H", H, 1);
  const rng = generator(seed);
  const draw = (fanIn, fanOut) => rng.uniform(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), fanIn * fanOut);
  const Wxh = draw(V, H);
  const Whh = draw(H, H);
  const Why = draw(H, V);
  return { V, H, Wxh, Whh, Why, bh: new Float64Array(H), by: new Float64Array(V) };
}

/**
 * Run the network over `ids` from the state `h0`:
 *
 *     a_t = x_t Wxh + h_{t-1} Whh + bh;  h_t = tanh(a_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  T ids, at least one; x_t Wxh is row ids[t] of Wxh
 * @param {ArrayLike<number> | null} [h0]  zeros unless given
 * @returns {Trace}
 */
export function forward(params, ids, h0 = null) {
  checkParams(params);
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  checkIds("ids", ids, V);
  if (h0 !== null) checkLength("h0", h0, H);
  const T = ids.length;
  const start = new Float64Array(H);
  if (h0 !== null) start.set(h0);
  const a = new Float64Array(T * H);
  const h = new Float64Array(T * H);
  const o = new Float64Array(T * V);

  let hPrevious = start;
  for (let t = 0; t < T; t++) {
    const at = a.subarray(t * H, (t + 1) * H);
    const ht = h.subarray(t * H, (t + 1) * H);
    const ot = o.subarray(t * V, (t + 1) * V);
    for (let j = 0; j < H; j++) at[j] = Wxh[ids[t] * H + j] + bh[j];
    addProduct(at, hPrevious, Whh);
    for (let j = 0; j < H; j++) ht[j] = Math.tanh(at[j]);
    ot.set(by);
    addProduct(ot, ht, Why);
    hPrevious = ht;
  }
  return { T, ids: Int32Array.from(ids), h0: start, a, h, o, yhat: softmax(o, V) };
}

/**
 * The terms that make up one pre-activation: a_t[unit] = x + Σ_k h[k] + b.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {number} t  from zero; the state before step zero is h0
 * @param {number} unit
 * @returns {{x: number, h: Float64Array, b: number, sum: number}}  h[k] is h_{t-1}[k] Whh[k, unit]; sum is a_t[unit]
 */
export function dotTerms(params, trace, t, unit) {
  checkParams(params);
  checkTrace(trace, params);
  checkInteger("t", t, 0, trace.T - 1);
  checkInteger("unit", unit, 0, params.H - 1);
  const { H, Wxh, Whh, bh } = params;
  const hPrevious = t ? trace.h.subarray((t - 1) * H, t * H) : trace.h0;
  return {
    x: Wxh[trace.ids[t] * H + unit],
    h: Float64Array.from(hPrevious, (value, k) => value * Whh[k * H + unit]),
    b: bh[unit],
    sum: trace.a[t * H + unit],
  };
}

// --- loss.py --------------------------------------------------------------------------------------------------------

// e^-700 is about 1e-304. Below it lie the subnormal numbers, on which many processors are a hundred times slower;
// beside the largest probability, which is at least 1 / V, they are nothing.
const LOWEST_EXPONENT = -700;

/** Write exp(o - max o) of the row of logits that starts at `at` into `out`, and return its maximum and sum. */
function shiftedExp(o, at, V, out) {
  let max = -Infinity;
  for (let j = at; j < at + V; j++) if (o[j] > max) max = o[j];
  let sum = 0;
  for (let j = at; j < at + V; j++) {
    const shifted = o[j] - max;
    out[j] = shifted < LOWEST_EXPONENT ? 0 : Math.exp(shifted);
    sum += out[j];
  }
  return { max, sum };
}

/**
 * ŷ = exp(o) / Σ exp(o), row by row. The largest logit is subtracted first, so that no exponential overflows.
 *
 * @param {Float64Array} o  rows of V logits
 * @param {number} V
 * @returns {Float64Array}
 */
export function softmax(o, V) {
  checkLogits(o, V);
  const yhat = new Float64Array(o.length);
  for (let at = 0; at < o.length; at += V) {
    const { sum } = shiftedExp(o, at, V, yhat);
    for (let j = at; j < at + V; j++) yhat[j] /= sum;
  }
  return yhat;
}

/**
 * log ŷ = o - log Σ exp(o), row by row.
 *
 * @param {Float64Array} o  rows of V logits
 * @param {number} V
 * @returns {Float64Array}
 */
export function logSoftmax(o, V) {
  checkLogits(o, V);
  const out = new Float64Array(o.length);
  for (let at = 0; at < o.length; at += V) {
    const { max, sum } = shiftedExp(o, at, V, out);
    const logSum = Math.log(sum);
    for (let j = at; j < at + V; j++) out[j] = o[j] - max - logSum;
  }
  return out;
}

/**
 * L_t = -log ŷ_t[y_t], in nats: the loss of every single prediction.
 *
 * @param {Float64Array} o  T rows of V logits
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} V
 * @returns {Float64Array}
 */
export function stepLosses(o, y, V) {
  checkLogits(o, V);
  checkTargets(y, o.length / V, V);
  const logYhat = logSoftmax(o, V);
  return Float64Array.from(y, (id, t) => -logYhat[t * V + id]);
}

/**
 * L = Σ_t L_t ("sum") or its mean over the steps ("mean"), in nats.
 *
 * @param {Float64Array} o  T rows of V logits
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} V
 * @param {Reduction} [reduction]
 * @returns {number}
 */
export function crossEntropy(o, y, V, reduction = "mean") {
  checkReduction(reduction);
  const losses = stepLosses(o, y, V);
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return reduction === "mean" ? sum / losses.length : sum;
}

// --- bptt.py --------------------------------------------------------------------------------------------------------

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
function truncatedErrors(params, h, dO, reach) {
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
export function shares(params, trace, y, reduction = "mean") {
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
export function contributions(params, trace, y, reduction = "mean") {
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
  return { error, jacobians, along, slope, state, share: along.at(-1).map((value, j) => value * slope[j]) };
}

/**
 * What the steps from … T - 1 alone add to the gradient of each parameter: the sums that a pass back has collected when
 * it has come down to the step `from`.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {Grads} grads  what `backward` returned
 * @param {number} from  from zero; zero gives the whole gradient, T no step at all
 * @returns {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, by: Float64Array}}
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
