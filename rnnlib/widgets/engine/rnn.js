/**
 * The forward pass: rnn.py for one sequence.
 *
 * @typedef {{T: number, ids: Int32Array, h0: Float64Array, a: Float64Array, h: Float64Array, o: Float64Array,
 *   yhat: Float64Array}} Trace  h0 (H); a, h (T, H); o, yhat (T, V)
 * @typedef {import("./params.js").Params} Params
 */

import { checkIds, checkInteger, checkLength, checkParams, checkTrace } from "./checks.js";
import { addProduct } from "./linalg.js";
import { softmax } from "./loss.js";

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
