/**
 * Training in the page: optim.py, workspace.py and train.py for one stream of text, the state carried from window to
 * window, update by update. An update makes no new array: whatever is the same from one to the next is made once.
 * Nothing here touches the page.
 *
 * @typedef {{V: number, H: number, params: import("./engine.js").Params, ids: Int32Array, steps: number,
 *   optimizer: string, clip: number, count: number, losses: Growing, norms: Growing, rates: Growing, window: number,
 *   epoch: number, h: Float64Array, t: number, stepNorms: Float64Array, lastStart: number,
 *   stopped: null | {update: number, loss: number, norm: number, rate: number}}} TrainingRun
 *   params: the weights after the last good update; count: updates done; losses, norms, rates: of each of them, the
 *   mean loss of its window just before it, the length of its gradient before clipping, its rate; window: windows of
 *   this reading done; epoch: readings done; h (H): the state that the next window starts from; t: updates that the
 *   optimiser remembers; stepNorms (T): |dL/da_t| at each step of the last window, which begins at id `lastStart`
 */

import { checkIds, checkInteger, checkParams, wrongArgument } from "./arguments.js";
import { PARAMETERS } from "./engine.js";

// --- optim.py: what is taken from the weights, and what is remembered for the next time ------------------------------

/** The vectors that each optimiser remembers, and its step, with the hyperparameters that optim.py has by default. */
const STEPPERS = {
  sgd: { slots: 0, step: descend },
  momentum: { slots: 1, step: descendWithMomentum },
  adagrad: { slots: 1, step: descendWithAdagrad },
  rmsprop: { slots: 1, step: descendWithRMSprop },
  adam: { slots: 2, step: descendWithAdam },
};

/** The names of the optimisers. */
export const OPTIMIZERS = Object.keys(STEPPERS);

function descend(next, w, g, slots, rate) {
  for (let i = 0; i < w.length; i++) next[i] = w[i] - rate * g[i];
}

function descendWithMomentum(next, w, g, [v], rate) {
  const beta = 0.9;
  for (let i = 0; i < w.length; i++) {
    v[i] = beta * v[i] + g[i];
    next[i] = w[i] - rate * v[i];
  }
}

function descendWithAdagrad(next, w, g, [squares], rate) {
  const epsilon = 1e-10;
  for (let i = 0; i < w.length; i++) {
    squares[i] += g[i] * g[i];
    next[i] = w[i] - (g[i] / (Math.sqrt(squares[i]) + epsilon)) * rate;
  }
}

function descendWithRMSprop(next, w, g, [r], rate) {
  const [beta, epsilon] = [0.99, 1e-8];
  for (let i = 0; i < w.length; i++) {
    r[i] = beta * r[i] + (1 - beta) * g[i] * g[i];
    next[i] = w[i] - (g[i] / (Math.sqrt(r[i]) + epsilon)) * rate;
  }
}

function descendWithAdam(next, w, g, [m, s], rate, t) {
  const [beta1, beta2] = [0.9, 0.999];
  const root = Math.sqrt(1 - beta2 ** t);
  const scale = (rate * root) / (1 - beta1 ** t);
  const epsilon = 1e-8 * root;
  for (let i = 0; i < w.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    s[i] = beta2 * s[i] + (1 - beta2) * g[i] * g[i];
    next[i] = w[i] - (m[i] / (Math.sqrt(s[i]) + epsilon)) * scale;
  }
}

/** √Σ g²; not finite only where g is not, or the length itself too large. */
function lengthOf(g) {
  let even = 0; // two sums, as one would wait for itself at each number
  let odd = 0;
  const last = g.length - 1;
  for (let i = 0; i < last; i += 2) {
    even += g[i] * g[i];
    odd += g[i + 1] * g[i + 1];
  }
  if (g.length % 2) even += g[last] * g[last];
  const length = Math.sqrt(even + odd);
  if (Number.isFinite(length)) return length;
  let largest = 0; // the squares may have been too large where their root is not
  for (let i = 0; i < g.length; i++) {
    if (!Number.isFinite(g[i])) return Number.isNaN(g[i]) ? NaN : Infinity;
    largest = Math.max(largest, Math.abs(g[i]));
  }
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += (g[i] / largest) ** 2;
  return largest * Math.sqrt(sum);
}

// --- workspace.py: the loss of a window and its gradient -------------------------------------------------------------

/**
 * out (R, C) = Σ_k A[aAt + r aRow + k aStep] · B[c bCol + k bStep], k < K. The strides say which of the two matrices is
 * transposed. Two rows and four columns at a time: eight products for six numbers fetched. Where a size does not come
 * out even, the last row and column are computed more than once, and come out the same.
 */
function stridedProduct(out, R, C, K, A, aAt, aRow, aStep, B, bCol, bStep) {
  for (let r = 0; r < R; r += 2) {
    const above = aAt + r * aRow;
    const next = r + 1 < R ? r + 1 : r;
    const below = aAt + next * aRow;
    for (let c = 0; c < C; c += 4) {
      const c1 = c + 1 < C ? c + 1 : c;
      const c2 = c + 2 < C ? c + 2 : c;
      const c3 = c + 3 < C ? c + 3 : c;
      let p0 = 0;
      let p1 = 0;
      let p2 = 0;
      let p3 = 0;
      let q0 = 0;
      let q1 = 0;
      let q2 = 0;
      let q3 = 0;
      let a = above;
      let b = below;
      let i0 = c * bCol;
      let i1 = c1 * bCol;
      let i2 = c2 * bCol;
      let i3 = c3 * bCol;
      for (let k = 0; k < K; k++) {
        const x = A[a];
        const y = A[b];
        const z0 = B[i0];
        const z1 = B[i1];
        const z2 = B[i2];
        const z3 = B[i3];
        p0 += x * z0;
        p1 += x * z1;
        p2 += x * z2;
        p3 += x * z3;
        q0 += y * z0;
        q1 += y * z1;
        q2 += y * z2;
        q3 += y * z3;
        a += aStep;
        b += aStep;
        i0 += bStep;
        i1 += bStep;
        i2 += bStep;
        i3 += bStep;
      }
      out[r * C + c] = p0;
      out[r * C + c1] = p1;
      out[r * C + c2] = p2;
      out[r * C + c3] = p3;
      out[next * C + c] = q0;
      out[next * C + c1] = q1;
      out[next * C + c2] = q2;
      out[next * C + c3] = q3;
    }
  }
}

/** out[c] = start[startAt + c] + Σ_k row[rowAt + k] · B[c bCol + k bStep], k < K: one row, four columns at a time. */
function rowProduct(out, C, K, start, startAt, row, rowAt, B, bCol, bStep) {
  for (let c = 0; c < C; c += 4) {
    const c1 = c + 1 < C ? c + 1 : c;
    const c2 = c + 2 < C ? c + 2 : c;
    const c3 = c + 3 < C ? c + 3 : c;
    let p0 = start[startAt + c];
    let p1 = start[startAt + c1];
    let p2 = start[startAt + c2];
    let p3 = start[startAt + c3];
    let i0 = c * bCol;
    let i1 = c1 * bCol;
    let i2 = c2 * bCol;
    let i3 = c3 * bCol;
    for (let k = 0; k < K; k++) {
      const x = row[rowAt + k];
      p0 += x * B[i0];
      p1 += x * B[i1];
      p2 += x * B[i2];
      p3 += x * B[i3];
      i0 += bStep;
      i1 += bStep;
      i2 += bStep;
      i3 += bStep;
    }
    out[c] = p0;
    out[c1] = p1;
    out[c2] = p2;
    out[c3] = p3;
  }
}

// e^-700 is about 1e-304: beside the largest probability, at least 1 / V, nothing; what is smaller still is slow.
const LOWEST_LOGIT = -700;

/** From states and weights to the loss of a window of T steps from id `from` on; leaves (ŷ - y) / T in space.o. */
function lossOfWindow(run, from, T) {
  const { V, H, ids, params, space } = run;
  const { Wxh, Whh, Why, bh, by } = params;
  const { h, o, row } = space;
  for (let t = 0; t < T; t++) {
    const x = ids[from + t] * H;
    for (let j = 0; j < H; j++) row[j] = Wxh[x + j] + bh[j];
    rowProduct(row, H, H, row, 0, h, t * H, Whh, 1, H);
    const at = (t + 1) * H;
    for (let j = 0; j < H; j++) h[at + j] = Math.tanh(row[j]);
  }
  stridedProduct(o, T, V, H, h, H, H, 1, Why, 1, V);
  let total = 0;
  for (let t = 0; t < T; t++) {
    const at = t * V;
    let max = -Infinity;
    for (let j = 0; j < V; j++) {
      o[at + j] += by[j];
      if (o[at + j] > max) max = o[at + j];
    }
    const y = at + ids[from + t + 1];
    const right = o[y] - max;
    let sum = 0;
    for (let i = at; i < at + V; i++) {
      const shifted = o[i] - max;
      o[i] = shifted < LOWEST_LOGIT ? 0 : Math.exp(shifted);
      sum += o[i];
    }
    total += Math.log(sum) - right;
    const given = o[y] / sum;
    for (let i = at; i < at + V; i++) o[i] = o[i] / sum / T;
    o[y] = (given - 1) / T;
  }
  return total / T;
}

/** The gradient of that loss, into run.space.gradient. */
function gradientOfWindow(run, from, T) {
  const { V, H, ids, params, space } = run;
  const { Whh, Why } = params;
  const { h, o, dh, da, row } = space;
  const { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby } = space.grads;
  stridedProduct(dWhy, H, V, T, h, H, 1, H, o, 1, V);
  stridedProduct(dh, T, H, V, o, 0, V, 1, Why, V, 1);
  space.gradient.fill(0, 0, V * H);
  dbh.fill(0);
  dby.fill(0);
  for (let t = T - 1; t >= 0; t--) {
    const at = t * H;
    // Nothing comes back to the last step, and `after` is then any numbers at all, none of which is read.
    rowProduct(row, H, t < T - 1 ? H : 0, dh, at, da, at + H, Whh, H, 1);
    const x = ids[from + t] * H;
    for (let j = 0; j < H; j++) {
      const state = h[at + H + j];
      const error = row[j] * (1 - state * state);
      da[at + j] = error;
      dbh[j] += error;
      dWxh[x + j] += error;
    }
    for (let j = 0; j < V; j++) dby[j] += o[t * V + j];
  }
  stridedProduct(dWhh, H, H, T, h, 0, 1, H, da, 1, H);
}

// --- train.py --------------------------------------------------------------------------------------------------------

/** Numbers that become more: `length`, `at(i)`, and all of them as `values()`, a view until the next one comes. */
class Growing {
  constructor() {
    [this.numbers, this.length] = [new Float64Array(256), 0];
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

/** All weights in one vector, in the order of `PARAMETERS`, and its parts. */
function inOneVector(V, H, arrays) {
  const sizes = { Wxh: V * H, Whh: H * H, Why: H * V, bh: H, by: V };
  const vector = new Float64Array(2 * V * H + H * H + H + V);
  const parts = { V, H };
  let at = 0;
  for (const name of PARAMETERS) {
    parts[name] = vector.subarray(at, at + sizes[name]);
    if (arrays) parts[name].set(arrays[name]);
    at += sizes[name];
  }
  return [vector, parts];
}

/**
 * A run before its first update.
 *
 * @param {{params: import("./engine.js").Params, ids: ArrayLike<number>, steps: number, optimizer: string,
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
  const [weights, views] = inOneVector(V, H, params);
  const [gradient, grads] = inOneVector(V, H);
  const vectors = (count) => Array.from({ length: count }, () => new Float64Array(weights.length));
  const space = {
    weights, gradient, grads, next: vectors(1)[0], slots: vectors(STEPPERS[optimizer].slots),
    h: new Float64Array((T + 1) * H), o: new Float64Array(T * V), row: new Float64Array(H),
    dh: new Float64Array(T * H), da: new Float64Array(T * H), norms: new Float64Array(T),
  };
  space.whole = space.norms.subarray(0, T);
  space.rest = space.norms.subarray(0, (ids.length - 1) % steps); // a text need not come out even
  const stepNorms = space.norms.subarray(0, 0);
  return {
    V, H, params: views, ids: Int32Array.from(ids), steps, optimizer, clip, count: 0, losses: new Growing(),
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
    STEPPERS[run.optimizer].step(next, weights, gradient, slots, rate, run.t + 1);
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
 * zeros; the same ones as `sample` of train.py draws for the same numbers.
 *
 * @param {import("./engine.js").Params} params
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
