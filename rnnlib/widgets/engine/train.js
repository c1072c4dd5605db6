/**
 * Training in the page: the package train/ for one stream of text, the state carried from window to window, update by
 * update. Buffers are allocated once and reused. The parameters know their cell, and are trained as it.
 *
 * @typedef {{V: number, H: number, params: import("./params.js").Params, ids: Int32Array, steps: number,
 *   optimizer: string, clip: number, count: number, losses: Growing, norms: Growing, rates: Growing, window: number,
 *   epoch: number, h: Float64Array, c?: Float64Array, t: number, stepNorms: Float64Array, lastStart: number,
 *   stopped: null | {update: number, loss: number, norm: number, rate: number}, space: any}} TrainingRun
 *   params: the weights after the last good update; count: updates done; losses, norms, rates: of each of them, the
 *   mean loss of its window just before it, the length of its gradient before clipping, its rate; window: windows of
 *   this reading done; epoch: readings done; h (H), and of an LSTM c (H): the state that the next window starts from; t:
 *   updates that the optimiser remembers; stepNorms (T): |dL/da_t| at each step of the last window, which begins at id
 *   `lastStart`; space: buffers, of which `losses` and `hits` tell of each step of the last window
 */

import { checkIds, checkInteger, checkParams, wrongArgument } from "./checks.js";
import { BLOCKS, flatten, unflatten } from "./flat.js";
import { GATED_WORKSPACES } from "./gated_workspace.js";
import { argmax } from "./linalg.js";
import { lengthOf, OPTIMIZERS, RULES } from "./optim.js";
import { lossOfStates, rowProduct, WORKSPACE } from "./workspace.js";

/** Numbers that become more: `length`, `at(i)`, and all of them as `values()`, a view until the next one comes. */
export class Growing {
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

/** The workspace of the cell whose parameters these are, once they are checked. */
function workspaceOf(params) {
  const cell = params?.cell ?? "rnn";
  if (!Object.hasOwn(BLOCKS, cell)) throw wrongArgument("params.cell", `one of ${Object.keys(BLOCKS).join(", ")}`, cell);
  checkParams(params, cell);
  return GATED_WORKSPACES[cell] ?? WORKSPACE;
}

/**
 * A run before its first update.
 *
 * @param {{params: any, ids: ArrayLike<number>, steps: number, optimizer: string,
 *   clip: number}} given  params, of any cell, are copied; ids: the text, at least two; steps: the length of a window; optimizer: one
 *   of `OPTIMIZERS`; clip: the length to which a longer gradient is shortened, 0 for none
 * @returns {TrainingRun}
 */
export function beginRun({ params, ids, steps, optimizer, clip }) {
  const workspace = workspaceOf(params);
  const { V, H, cell } = params;
  checkIds("ids", ids, V);
  if (ids.length < 2) throw wrongArgument("ids", "at least two ids", `length ${ids.length}`);
  checkInteger("steps", steps, 1);
  if (!OPTIMIZERS.includes(optimizer)) throw wrongArgument("optimizer", `one of ${OPTIMIZERS.join(", ")}`, optimizer);
  if (!(clip >= 0 && clip < Infinity)) throw wrongArgument("clip", "a number of at least 0, which is none", clip);

  const T = Math.min(steps, ids.length - 1);
  const weights = flatten(params);
  const vectors = (count) => Array.from({ length: count }, () => new Float64Array(weights.length));
  const [gradient, next] = vectors(2);
  /** @type {any} */
  const space = {
    ...workspace.buffers(V, H, T), weights, gradient, grads: unflatten(gradient, V, H, cell), next,
    slots: vectors(RULES[optimizer].slots), norms: new Float64Array(T), workspace,
  };
  space.whole = space.norms.subarray(0, T);
  space.rest = space.norms.subarray(0, (ids.length - 1) % steps); // a text need not come out even
  const stepNorms = space.norms.subarray(0, 0);
  return {
    V, H, params: unflatten(weights, V, H, cell), ids: Int32Array.from(ids), steps, optimizer, clip, count: 0, losses: new Growing(),
    norms: new Growing(), rates: new Growing(), window: 0, epoch: 0, h: new Float64Array(H), t: 0, stepNorms,
    lastStart: 0, stopped: null, space, ...(space.c && { c: new Float64Array(H) }),
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
  const { weights, gradient, next, slots, h, c, workspace } = space;
  const from = run.window * steps;
  const T = Math.min(steps, ids.length - 1 - from);
  h.set(run.h);
  c?.set(run.c);
  workspace.states(run, from, T);
  const loss = lossOfStates(run, from, T);
  workspace.gradient(run, from, T);
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
  const G = space.da.length / space.norms.length;
  for (let t = 0; t < T; t++) {
    let sum = 0;
    for (let i = t * G; i < (t + 1) * G; i++) sum += space.da[i] * space.da[i];
    space.norms[t] = Math.sqrt(sum);
  }
  run.stepNorms = T === space.whole.length ? space.whole : space.rest;
  run.lastStart = from;
  run.count += 1;
  run.t += 1;
  run.window += 1;
  if (from + T < ids.length - 1) {
    run.h.set(h.subarray(T * H, (T + 1) * H));
    run.c?.set(c.subarray(T * H, (T + 1) * H));
  } else {
    run.window = 0;
    run.epoch += 1;
    run.h.fill(0);
    run.c?.fill(0);
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
 * What the network makes of a text that it reads from a state of zeros.
 *
 * @param {any} params  of any cell
 * @param {ArrayLike<number>} ids  the text, at least two
 * @returns {{h: Float64Array, losses: Float64Array, guesses: Int32Array}}  for each id but the last: h (T, H); -ln of the
 *   probability of the next id; the likeliest next id
 */
export function predict(params, ids) {
  const workspace = workspaceOf(params);
  const { V, H } = params;
  checkIds("ids", ids, V);
  const T = ids.length - 1;
  if (!T) throw wrongArgument("ids", "at least two ids", `length ${ids.length}`);
  const space = workspace.buffers(V, H, T);
  const read = { V, H, params, ids, space };
  workspace.states(read, 0, T);
  lossOfStates(read, 0, T);
  // In a row of (ŷ - y) / T the true one is not above zero: the largest is another one, or the true one was a hit.
  const guesses = Int32Array.from({ length: T }, (_, t) => (space.hits[t] ? ids[t + 1] : argmax(space.o, t * V, (t + 1) * V)));
  return { h: space.h.subarray(H), losses: space.losses, guesses };
}

/**
 * Characters drawn one after another from softmax(o / temperature), after the network has read `ids` from a state of
 * zeros; the same ones as `sample` of train/ draws for the same numbers.
 *
 * @param {any} params  of any cell
 * @param {ArrayLike<number>} ids  the beginning, at least one id, which is not returned
 * @param {number} length
 * @param {number} temperature
 * @param {{uniform: (low: number, high: number, n: number) => Float64Array}} rng  as `generator` of random.js gives it
 * @returns {Int32Array}
 */
export function sample(params, ids, length, temperature, rng) {
  const workspace = workspaceOf(params);
  const { V, H, Why, by } = params;
  checkIds("ids", ids, V);
  checkInteger("length", length, 1);
  if (!(temperature > 0 && temperature < Infinity)) {
    throw wrongArgument("temperature", "a positive number", temperature);
  }
  const odds = new Float64Array(V);
  /** @type {any} */
  const space = workspace.buffers(V, H, 1);
  const read = (id) => {
    workspace.states({ V, H, params, ids: [id], space }, 0, 1);
    space.h.copyWithin(0, H);
    space.c?.copyWithin(0, H);
  };
  for (let t = 0; t < ids.length; t++) read(ids[t]);
  const numbers = rng.uniform(0, 1, length);
  return Int32Array.from(numbers, (number, i) => {
    rowProduct(odds, V, H, by, 0, space.h, 0, Why, 1, V);
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
