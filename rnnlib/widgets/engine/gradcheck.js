/**
 * The checks of the package gradcheck/ in the page, and a few steps of gradient descent: what a gradient is worth, told by the
 * loss alone. `run` and `back` are the functions under test, called as `forward` and `backward` are: for one sequence, or for
 * a batch, whose B follows from the length of h0.
 *
 * @typedef {import("./params.js").Params} Params
 * @typedef {import("./loss.js").Reduction} Reduction
 */

import { batchBackward, batchForward, sizeOf } from "./batch.js";
import {
  checkFunction, checkIds, checkInteger, checkLength, checkNumbers, checkParams, checkReduction, checkTargets, wrongArgument,
} from "./checks.js";
import { crossEntropy } from "./loss.js";
import { PARAMETERS } from "./flat.js";

const CHECKED = [...PARAMETERS, "h0"];

const LEAST_SHARE = 1e-3; // of the largest gradient: errors in a smaller array are relative to this

/** The initial states as an array of its own; for null, zeros of one sequence. */
function startState(h0, ids, H) {
  if (h0 === null) return new Float64Array(H);
  sizeOf(h0, ids, H);
  return Float64Array.from(h0);
}

/** Params with every parameter `array` replaced by what `change(array, name)` returns. */
function mapParams(params, change) {
  const changed = PARAMETERS.map((name) => [name, change(params[name], name)]);
  return { ...params, ...Object.fromEntries(changed) };
}

/**
 * The derivatives of L = crossEntropy(run(params, ids, h0).o, …) in every parameter and in h0, from the loss alone:
 *
 *     ∂L/∂p ≈ (L(p + s) - L(p - s)) / 2s      s = ∛eps · max(1, |p|)
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  (T, B)
 * @param {ArrayLike<number>} y  (T, B)
 * @param {ArrayLike<number> | null} [h0]  (B, H)
 * @param {Reduction} [reduction]
 * @param {typeof batchForward} [run]  called twice for every number
 * @returns {Object<string, Float64Array>}  by the names of the parameters, and h0
 */
export function centralDifferences(params, ids, y, h0 = null, reduction = "mean", run = batchForward) {
  checkParams(params);
  const { V, H } = params;
  checkIds("ids", ids, V);
  checkTargets(y, ids.length, V);
  checkReduction(reduction);
  checkFunction("run", run);
  const start = startState(h0, ids, H);
  const moved = mapParams(params, (array) => Float64Array.from(array));
  const loss = () => crossEntropy(run(moved, ids, start).o, y, V, reduction);

  const differences = (array) => {
    const slopes = new Float64Array(array.length);
    for (let i = 0; i < array.length; i++) {
      const p = array[i];
      const s = Math.cbrt(Number.EPSILON) * Math.max(1, Math.abs(p));
      const [above, below] = [p + s, p - s]; // rounded: their distance is not quite 2s
      array[i] = above;
      const lossAbove = loss();
      array[i] = below;
      slopes[i] = (lossAbove - loss()) / (above - below);
      array[i] = p;
    }
    return slopes;
  };
  return Object.fromEntries(CHECKED.map((name) => [name, differences(name === "h0" ? start : moved[name])]));
}

/**
 * The error |given - expected| / scale of every entry of every gradient that was given. The scale is the largest entry
 * of the array expected, at least a thousandth of the largest gradient and of the weight of one prediction in L.
 *
 * @param {Object<string, ArrayLike<number>>} given  some or all of what `backward` returns
 * @param {Object<string, Float64Array>} expected  the same from `centralDifferences`
 * @param {Reduction} reduction
 * @param {number} N  the number of predictions, T times B
 * @returns {Object<string, {errors: Float64Array, worst: number, error: number, scale: number}>}  error is
 *   errors[worst], the largest; infinite where a number given is not finite
 */
export function compare(given, expected, reduction, N) {
  checkReduction(reduction);
  checkInteger("N", N, 1);
  const names = CHECKED.filter((name) => given?.[name] != null);
  if (!names.length) throw wrongArgument("given", `some of the gradients ${CHECKED.join(", ")}`, given);
  const largest = {};
  for (const name of names) {
    checkNumbers(`expected.${name}`, expected?.[name]);
    checkLength(`given.${name}`, given[name], expected[name].length);
    largest[name] = expected[name].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (!Number.isFinite(largest[name])) throw wrongArgument(`expected.${name}`, "finite numbers", largest[name]);
  }
  const weight = reduction === "sum" ? 1 : 1 / N;
  const least = LEAST_SHARE * Math.max(weight, ...Object.values(largest));

  const verdict = (name) => {
    const scale = Math.max(largest[name], least);
    const errors = Float64Array.from(given[name], (value, i) =>
      Number.isFinite(value) ? Math.abs(value - expected[name][i]) / scale : Infinity);
    const error = errors.reduce((most, value) => Math.max(most, value), 0);
    return { errors, worst: errors.indexOf(error), error, scale };
  };
  return Object.fromEntries(names.map((name) => [name, verdict(name)]));
}

/**
 * Plain gradient descent on the mean loss: p ← p - rate · dp for all five parameters, again and again; h0 stays.
 *
 * It stops where a loss or a parameter would no longer be finite. The losses that were not reached are NaN; params are
 * those of the last loss that was.
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids
 * @param {ArrayLike<number>} y
 * @param {ArrayLike<number> | null} h0
 * @param {any} options  updates: how many; rate: the learning rate; run, back: the functions under test
 * @returns {{losses: Float64Array, params: Params}}  losses before the first update and after each one
 */
export function descend(params, ids, y, h0, { updates, rate, run = batchForward, back = batchBackward } = {}) {
  checkParams(params);
  checkIds("ids", ids, params.V);
  checkTargets(y, ids.length, params.V);
  checkInteger("updates", updates, 0);
  if (!(Number.isFinite(rate) && rate > 0)) throw wrongArgument("rate", "a positive number", rate);
  checkFunction("run", run);
  checkFunction("back", back);
  const start = startState(h0, ids, params.H);

  const losses = new Float64Array(updates + 1).fill(NaN);
  let reached = mapParams(params, (array) => Float64Array.from(array));
  let next = reached;
  for (let update = 0; update <= updates; update++) {
    const trace = run(next, ids, start);
    const loss = crossEntropy(trace.o, y, params.V);
    if (!Number.isFinite(loss)) break;
    losses[update] = loss;
    reached = next;
    if (update === updates) break;
    const grads = back(reached, trace, y, "mean");
    for (const name of PARAMETERS) checkLength(`back.${name}`, grads?.[name], reached[name].length);
    next = mapParams(reached, (array, name) => array.map((p, i) => p - rate * grads[name][i]));
    if (!PARAMETERS.every((name) => next[name].every(Number.isFinite))) break;
  }
  return { losses, params: reached };
}
