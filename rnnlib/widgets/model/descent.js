/**
 * Training on one sentence by plain gradient descent, and the parameters after each of its updates.
 */

import { backward } from "../engine/bptt.js";
import { PARAMETERS } from "../engine/flat.js";
import { forward } from "../engine/rnn.js";

const EVERY = 10; // updates between two sets of parameters that are kept

/** params ← params - rate · gradient of the mean loss, all numbers at once. */
function updated(params, x, y, rate) {
  const grads = backward(params, forward(params, x), y, "mean");
  const next = { ...params };
  for (const name of PARAMETERS) next[name] = params[name].map((value, i) => value - rate * grads[name][i]);
  return next;
}

/** The way of the parameters from a start, computed as far as anyone has asked and as time allows. */
export class Descent {
  /** @param {{params: any, x: ArrayLike<number>, y: ArrayLike<number>, rate: number}} start */
  constructor({ params, x, y, rate }) {
    this.x = x;
    this.y = y;
    this.rate = rate;
    this.kept = [params]; // after 0, EVERY, 2 EVERY, … updates
    this.last = { updates: 0, params };
  }

  /** Go on until `updates` are done, or as long as `goOn()` says so; returns how many of those asked for are done. */
  reach(updates, goOn = () => true) {
    while (this.last.updates < updates && goOn()) {
      this.last = { updates: this.last.updates + 1, params: updated(this.last.params, this.x, this.y, this.rate) };
      if (this.last.updates % EVERY === 0) this.kept.push(this.last.params);
    }
    return Math.min(updates, this.last.updates);
  }

  /** The parameters after so many updates, which `reach` has done. */
  at(updates) {
    if (updates === this.last.updates) return this.last.params;
    const near = Math.floor(updates / EVERY);
    let params = this.kept[near];
    for (let n = near * EVERY; n < updates; n++) params = updated(params, this.x, this.y, this.rate);
    return params;
  }
}
