/**
 * Training in the page: the package train/ for one stream of text, the state carried from window to window, update by
 * update. Buffers are allocated once and reused.
 *
 * @typedef {{V: number, H: number, params: import("./params.js").Params, ids: Int32Array, steps: number,
 *   optimizer: string, clip: number, count: number, losses: Growing, norms: Growing, rates: Growing, window: number,
 *   epoch: number, h: Float64Array, t: number, stepNorms: Float64Array, lastStart: number,
 *   stopped: null | {update: number, loss: number, norm: number, rate: number}, space: any}} TrainingRun
 *   params: the weights after the last good update; count: updates done; losses, norms, rates: of each of them, the
 *   mean loss of its window just before it, the length of its gradient before clipping, its rate; window: windows of
 *   this reading done; epoch: readings done; h (H): the state that the next window starts from; t: updates that the
 *   optimiser remembers; stepNorms (T): |dL/da_t| at each step of the last window, which begins at id `lastStart`;
 *   space: buffers
 */

import { checkIds, checkInteger, checkParams, wrongArgument } from "./checks.js";
import { flatten, size, unflatten } from "./flat.js";
import { lengthOf, OPTIMIZERS, RULES } from "./optim.js";
import { gradientOfWindow, lossOfWindow, rowProduct } from "./workspace.js";

/** Numbers that become more: `length`, `at(i)`, and all of them as `values()`, a view until the next one comes. */
class Growing {
  constructor() {
    this.numbers = new Float64Array(256);
    this.length = 0;
  }

  push(value) {
    if (this.length === this.numbers.length) {
      const wider = new Float64Array(2 * this.length);
      wider.set(this.numbers);
      this.numbers = wider;
    }
    this.numbers[this.length] = value;
    this.length += 1;
  }

  at(i) {
    return i >= 0 && i < this.length ? this.numbers[i] : undefined;
  }

  values() {
    return this.numbers.subarray(0, this.length);
  }
}

/**
 * A run before its first update.
 *
 * @param {{params: import("./params.js").Params, ids: ArrayLike<number>, steps: number, optimizer: string,
 *   clip: number}} given  params are copied; ids: the text, at least two; steps: the length of a window; optimizer: one
 *   of `OPTIMIZERS`; clip: the length to which a longer gradient is shortened, 0 for none
 * @returns {TrainingRun}
 */
export function beginRun({ params, ids, steps, optimizer, clip }) {
  checkParams(params);
  const { V, H } = params;
  checkIds("ids", ids, V);
  if (ids.length < 2) throw wrongArgument("ids", "at least two ids", `length ${ids.length}`);
  checkInteger("steps", steps, 1);
  if (!OPTIMIZERS.includes(optimizer)) throw wrongArgument("optimizer", `one of ${OPTIMIZERS.join(", ")}`, optimizer);
  if (!(clip >= 0 && clip < Infinity)) throw wrongArgument("clip", "a number of at least 0, which is none", clip);

  const T = Math.min(steps, ids.length - 1);
  const weights = flatten(params);
  const vectors = (count) => Array.from({ length: count }, () => new Float64Array(size(V, H)));
  const [gradient, next] = vectors(2);
  const space = {
    weights, gradient, grads: unflatten(gradient, V, H), next, slots: vectors(RULES[optimizer].slots),
    h: new Float64Array((T + 1) * H), o: new Float64Array(T * V), row: new Float64Array(H),
    dh: new Float64Array(T * H), da: new Float64Array(T * H), norms: new Float64Array(T),
  };
  space.whole = space.norms.subarray(0, T);
  space.rest = space.norms.subarray(0, (ids.length - 1) % steps); // a text need not come out even
  const stepNorms = space.norms.subarray(0, 0);
  return {
    V, H, params: unflatten(weights, V, H), ids: Int32Array.from(ids), steps, optimizer, clip, count: 0, losses: new Growing(),
    norms: new Growing(), rates: new Growing(), window: 0, epoch: 0, h: new Float64Array(H), t: 0, stepNorms,
    lastStart: 0, stopped: null, space,
  };
}

/**
 * One update: a window forward and back, the gradient clipped, a step of the optimiser. Where the loss, the gradient,
 * the new weights or what the optimiser remembers are not finite, nothing is done: the run has stopped, with the
 * weights before, an optimiser that remembers nothing and `run.stopped`, and stays so until `resume`.
 *
 * @param {TrainingRun} run
 * @param {number} rate  the learning rate of this update
 * @returns {boolean}  whether it was done
 */
export function update(run, rate) {
  if (run.stopped) return false;
  const { H, ids, steps, clip, space } = run;
  const { weights, gradient, next, slots, h } = space;
  const from = run.window * steps;
  const T = Math.min(steps, ids.length - 1 - from);
  h.set(run.h);
  const loss = lossOfWindow(run, from, T);
  gradientOfWindow(run, from, T);
  const length = lengthOf(gradient);
  let finite = Number.isFinite(loss) && Number.isFinite(length);
  if (finite) {
    if (clip && length > clip) {
      const scale = clip / length;
      for (let i = 0; i < gradient.length; i++) gradient[i] *= scale;
    }
    RULES[run.optimizer].step(next, weights, gradient, slots, rate, run.t + 1);
    finite = Number.isFinite(lengthOf(next));
    for (const slot of slots) finite = finite && Number.isFinite(lengthOf(slot));
  }
  if (!finite) {
    run.stopped = { update: run.count + 1, loss, norm: length, rate };
    forgetSteps(run);
    return false;
  }
  weights.set(next);
  run.losses.push(loss);
  run.norms.push(length);
  run.rates.push(rate);
  for (let t = 0; t < T; t++) {
    let sum = 0;
    for (let i = t * H; i < (t + 1) * H; i++) sum += space.da[i] * space.da[i];
    space.norms[t] = Math.sqrt(sum);
  }
  run.stepNorms = T === space.whole.length ? space.whole : space.rest;
  run.lastStart = from;
  run.count += 1;
  run.t += 1;
  run.window += 1;
  if (from + T < ids.length - 1) {
    for (let j = 0; j < H; j++) run.h[j] = h[T * H + j];
  } else {
    run.window = 0;
    run.epoch += 1;
    run.h.fill(0);
  }
  return true;
}

/** The optimiser remembers nothing. */
function forgetSteps(run) {
  run.t = 0;
  for (const slot of run.space.slots) slot.fill(0);
}

/**
 * Go on after a divergence, from the last finite weights, with an optimiser that remembers nothing.
 *
 * @param {TrainingRun} run
 */
export function resume(run) {
  run.stopped = null;
  forgetSteps(run);
}

/**
 * Characters drawn one after another from softmax(o / temperature), after the network has read `ids` from a state of
 * zeros; the same ones as `sample` of train/ draws for the same numbers.
 *
 * @param {import("./params.js").Params} params
 * @param {ArrayLike<number>} ids  the beginning, at least one id, which is not returned
 * @param {number} length
 * @param {number} temperature
 * @param {{uniform: (low: number, high: number, n: number) => Float64Array}} rng  as `generator` of random.js gives it
 * @returns {Int32Array}
 */
export function sample(params, ids, length, temperature, rng) {
  checkParams(params);
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  checkIds("ids", ids, V);
  checkInteger("length", length, 1);
  if (!(temperature > 0 && temperature < Infinity)) {
    throw wrongArgument("temperature", "a positive number", temperature);
  }
  const [h, row, odds] = [new Float64Array(H), new Float64Array(H), new Float64Array(V)];
  const read = (id) => {
    for (let j = 0; j < H; j++) row[j] = Wxh[id * H + j] + bh[j];
    rowProduct(row, H, H, row, 0, h, 0, Whh, 1, H);
    for (let j = 0; j < H; j++) h[j] = Math.tanh(row[j]);
  };
  for (let t = 0; t < ids.length; t++) read(ids[t]);
  const numbers = rng.uniform(0, 1, length);
  return Int32Array.from(numbers, (number, i) => {
    rowProduct(odds, V, H, by, 0, h, 0, Why, 1, V);
    const max = odds.reduce((most, each) => Math.max(most, each), -Infinity);
    let sum = 0;
    for (let j = 0; j < V; j++) {
      sum += Math.exp((odds[j] - max) / temperature);
      odds[j] = sum;
    }
    let id = 0;
    while (id < V - 1 && odds[id] <= number * sum) id += 1;
    if (i < length - 1) read(id);
    return id;
  });
}
