/**
 * The loss of one prediction as a function of one of its logits: L = -ln softmax(o)[y], ∂L/∂o_i = ŷ_i - 1[i = y].
 */

import { softmax, stepLosses } from "../engine/loss.js";

/** A prediction after one of its logits has been moved: its probabilities, its loss, and the slope of the loss along that
 * logit.
 * @param {ArrayLike<number>} o  the V logits before
 * @returns {{yhat: Float64Array, loss: number, slope: number}} */
export function moved(o, target, logit, shift) {
  const row = Float64Array.from(o);
  row[logit] += shift;
  const yhat = softmax(row, row.length);
  return { yhat, loss: stepLosses(row, [target], row.length)[0], slope: yhat[logit] - (logit === target ? 1 : 0) };
}

/** The losses at 2 half + 1 shifts, equally far from each other, from -span to span. */
export function curve(o, target, logit, span, half) {
  return Float64Array.from({ length: 2 * half + 1 }, (_, i) => moved(o, target, logit, (span * (i - half)) / half).loss);
}

/** The ids of the most probable characters, at most `most` of them, with those of `also` among them; the most probable
 * first. */
export function leading(yhat, most, also) {
  const order = Array.from(yhat.keys()).sort((i, j) => yhat[j] - yhat[i] || i - j);
  const kept = new Set(also);
  for (const id of order) if (kept.size < most) kept.add(id);
  return order.filter((id) => kept.has(id));
}
