/** What GradientDetective shows of a case: the sequences that its code reads, the errors of its gradients, and its training. */

import { batchBackward, batchForward } from "../engine/batch.js";
import { centralDifferences, compare, descend } from "../engine/gradcheck.js";
import { TOLERANCE, TRAINING } from "./cases.js";
import { CHECKED_GRADIENTS } from "./hints.js";

/** The ids and targets (T, B) of B sequences, the text and the text backwards, and h0: their last states, read from zero.
 * @param {any} net  as `network` gives it
 * @param {number} B  1 or 2 */
export function sequences({ H, params, x, y }, B) {
  const text = [...x, y.at(-1)];
  const columns = [text, [...text].reverse()].slice(0, B);
  const rows = text.flatMap((_, t) => columns.map((column) => column[t]));
  const ids = rows.slice(0, -B);
  return { x: ids, y: rows.slice(B), h0: batchForward(params, ids, new Float64Array(B * H)).h.slice(-B * H) };
}

/** The errors of the gradient of a case, and its training.
 * @param {any} params
 * @param {{x: number[], y: number[], h0: Float64Array}} read  what `sequences` gives
 * @param {any} code  the functions of the case that are not the right ones
 * @param {any} [right]  what this function gave for the right code */
export function evaluate(params, { x, y, h0 }, code, right) {
  const { batchForward: run = batchForward, batchBackward: back = batchBackward } = code;
  const grads = back(params, run(params, x, h0), y);
  const expected = right && run === batchForward ? right.expected : centralDifferences(params, x, y, h0, "mean", run);
  const checks = compare(grads, expected, "mean", y.length);
  const { losses } = descend(params, x, y, h0, { ...TRAINING, run, back });
  const reached = losses.filter(Number.isFinite);
  const wrong = CHECKED_GRADIENTS.filter((name) => checks[name].error > TOLERANCE);
  return { expected, checks, wrong, losses, reached, first: reached[0], end: reached.at(-1) };
}
