/**
 * The network of a figure after some updates of gradient descent on its own text, computed as far as time allows.
 */

import { stepLosses } from "../engine/loss.js";
import { forward } from "../engine/rnn.js";
import { Descent } from "./descent.js";
import { RATE, UPDATES } from "./training.js";

const SLICE = 12; // ms of training before the next drawing

/** A slider's or a film's number of updates -> the network, which is kept from one call to the next. */
export class Trained {
  constructor() {
    this.net = null;
    /** @type {any} */
    this.descent = null;
    this.shown = null;
  }

  /** `net` after `wanted` updates, or as many as can be done in a moment; all of them where `whole` is true. `start` is
   * `net` itself, `late` says that updates are left.
   * @returns {any} */
  after(net, wanted, whole = false) {
    if (net !== this.net) {
      this.net = net;
      this.descent = new Descent({ ...net, rate: RATE });
      this.shown = null;
    }
    const asked = Math.min(UPDATES, Math.max(0, Math.round(wanted) || 0));
    const end = whole ? Infinity : performance.now() + SLICE;
    const updates = this.descent.reach(asked, () => whole || performance.now() < end);
    if (this.shown?.updates !== updates) {
      const params = this.descent.at(updates);
      const trace = updates ? forward(params, net.x) : net.trace;
      const losses = updates ? stepLosses(trace.o, net.y, net.V) : net.losses;
      this.shown = { ...net, start: net, params, trace, losses, updates };
    }
    this.shown.late = updates < asked;
    return this.shown;
  }
}

/** The lines of Python that train x, y and params in the same way. */
export function pythonDescent(updates) {
  return updates ? [
    `for _ in range(${updates}):`,
    "    grads = backward(params, forward(params, x), y)",
    `    params = Params(*(p - ${RATE} * g for p, g in zip(params, grads)))`,
  ] : [];
}
