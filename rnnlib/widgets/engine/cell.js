/** What the cells have in common; see _cell.py. */

import { checkReduction, checkTargets, checkTrace } from "./checks.js";

/** σ(a) = 1 / (1 + exp(-a)), three times as fast as from tanh; exp(-a) may overflow, and σ is then zero. */
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/** The gradient (T, V) of the loss in the logits of a trace that belongs to `params`: ŷ_t - y_t, divided by T for a mean. */
export function outputErrors(params, trace, y, reduction) {
  checkTrace(trace, params);
  checkReduction(reduction);
  checkTargets(y, trace.T, params.V);
  const errors = Float64Array.from(trace.yhat);
  for (let t = 0; t < trace.T; t++) errors[t * params.V + y[t]] -= 1;
  if (reduction === "mean") for (let i = 0; i < errors.length; i++) errors[i] /= trace.T;
  return errors;
}

/** |shares[t, s]|, (T, T), of shares (T, T, G). */
export function lengths(shares, T) {
  const G = shares.length / (T * T);
  return Float64Array.from({ length: T * T }, (_, cell) => {
    let sum = 0;
    for (let i = cell * G; i < (cell + 1) * G; i++) sum += shares[i] * shares[i];
    return Math.sqrt(sum);
  });
}
