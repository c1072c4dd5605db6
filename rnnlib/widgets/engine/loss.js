/**
 * Softmax and cross-entropy from logits: loss.py for one sequence.
 *
 * @typedef {"mean" | "sum"} Reduction
 */

import { checkLogits, checkReduction, checkTargets } from "./checks.js";

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
