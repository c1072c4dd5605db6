/**
 * How far the gradient of one loss reaches back: its lengths |∂L_T/∂h_{T-k}| for a plain and for a leaky cell, and the same
 * for an LSTM and a GRU. The leaky cell keeps a part of its state: h_t = (1 - α) h_{t-1} + α tanh(x_t Wxh + h_{t-1} Whh + bh);
 * α = 1 is the plain one.
 */

import { gru } from "../engine/gru.js";
import { addProduct, addTransposedProduct, timesTransposed } from "../engine/linalg.js";
import { lstm } from "../engine/lstm.js";
import { softmax } from "../engine/loss.js";
import { lengthOf } from "../engine/optim.js";
import { generator } from "../engine/random.js";
import { extremeSingularValues, orthogonal } from "../engine/spectra.js";
import { number } from "./format.js";

/** @type {Object<string, any>} */
export const GATED = { lstm, gru };

export const FAR = 10; // steps back after which the share that is left is told

/**
 * Generators for seeds that come again, each as `generator(seed)`: the numbers that one has given are kept, since to draw them
 * takes longest when the hidden size is turned.
 *
 * @param {number} most  seeds that are kept
 * @returns {(seed: bigint) => import("../engine/random.js").Generator}
 */
export function keptGenerators(most) {
  const kept = new Map();
  return (seed) => {
    if (!kept.has(seed) && kept.size >= most) kept.clear();
    if (!kept.has(seed)) kept.set(seed, { rng: generator(seed), numbers: new Float64Array(0) }); // from 0 to 1
    const one = kept.get(seed);
    let at = 0;
    return {
      uniform(low, high, n) {
        const { length } = one.numbers;
        if (at + n > length) {
          const longer = new Float64Array(at + n);
          longer.set(one.numbers);
          longer.set(one.rng.uniform(0, 1, at + n - length), length);
          one.numbers = longer;
        }
        const drawn = one.numbers.slice(at, at + n);
        for (let i = 0; i < n; i++) drawn[i] = low + (high - low) * drawn[i];
        at += n;
        return drawn;
      },
    };
  };
}

/** The recurrent matrix of a start before its gain; of a cell with gates, each block of H columns by itself. */
export function startMatrix({ Whh, H }, start) {
  if (start === "uniform") return Whh;
  const columns = Whh.length / H;
  const made = new Float64Array(Whh.length);
  const block = new Float64Array(H * H);
  for (let first = 0; first < columns; first += H) {
    for (let i = 0; i < H * H; i++) block[i] = Whh[Math.floor(i / H) * columns + first + (i % H)];
    const turned = start === "orthogonal" ? orthogonal(block, H) : block.map((_, i) => (i % (H + 1) ? 0 : 1));
    for (let i = 0; i < H; i++) made.set(turned.subarray(i * H, (i + 1) * H), i * columns + first);
  }
  return made;
}

/**
 * The gradient of the last loss of `x` on its way back.
 *
 * @param {{params: any, x: ArrayLike<number>, last: number, alpha: number, inputs: boolean}} given  params with the recurrent
 *   matrix that is to be used; last: the target of the last step; inputs: whether the network reads anything
 * @returns {{shares: Float64Array, slopes: Float64Array, slope: Float64Array}}  shares (T + 1): |∂L_T/∂h_{T-k}| / |∂L_T/∂h_T|
 *   for k = 0 … T; slope (T, H): tanh's slope at each step; slopes (T): its mean over the units
 */
export function flow({ params, x, last, alpha, inputs }) {
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  const T = x.length;
  const slope = new Float64Array(T * H);
  const slopes = new Float64Array(T);
  const h = new Float64Array(H);
  const a = new Float64Array(H);
  for (let t = 0; t < T; t++) {
    for (let j = 0; j < H; j++) a[j] = bh[j] + (inputs ? Wxh[x[t] * H + j] : 0);
    addProduct(a, h, Whh);
    for (let j = 0; j < H; j++) {
      const made = Math.tanh(a[j]);
      h[j] = (1 - alpha) * h[j] + alpha * made;
      slope[t * H + j] = 1 - made * made;
      slopes[t] += slope[t * H + j] / H;
    }
  }
  const o = Float64Array.from(by);
  addProduct(o, h, Why);
  const error = softmax(o, V);
  error[last] -= 1;
  const dh = new Float64Array(H);
  addTransposedProduct(dh, error, Why);
  const start = lengthOf(dh);
  const shares = new Float64Array(T + 1);
  shares[0] = start ? 1 : 0; // one character alone surprises nobody
  const back = new Float64Array(H);
  for (let k = 1; k <= T; k++) {
    for (let j = 0; j < H; j++) {
      a[j] = alpha * dh[j] * slope[(T - k) * H + j];
      back[j] = (1 - alpha) * dh[j];
    }
    addTransposedProduct(back, a, Whh);
    dh.set(back);
    shares[k] = lengthOf(dh) / (start || 1);
  }
  return { shares, slopes, slope };
}

/** The lags at which the singular values of a product are computed: the first ones, then some twenty more, up to the last;
 * among them the one of which the figure tells. */
export function lagsOf(T) {
  const step = Math.ceil(T / 20);
  return Array.from({ length: T }, (_, k) => k).filter((k) => k <= 6 || k === FAR || k === T - 1 || k % step === 0);
}

/**
 * The largest and the smallest singular value of ∂h_T/∂h_{T-k}, the product of the Jacobians of the last k steps of a plain
 * network. A gradient that goes back over these steps grows by no more than the one, and shrinks by no more than the other.
 *
 *     ∂h_T/∂h_{T-k} = Π diag(1 - h_r²) Whhᵀ,  r = T, …, T - k + 1        laid out for row vectors, as in bptt.py
 *
 * @param {{Whh: Float64Array, H: number}} params
 * @param {Float64Array} slope  (T, H): tanh's slopes, from `flow`
 * @returns {{lags: number[], largest: Float64Array, smallest: Float64Array}}  at the lags of `lagsOf`; NaN where the smallest
 *   one is lost in the roundings of the largest
 */
export function productFlow({ Whh, H }, slope) {
  const T = slope.length / H;
  const lags = lagsOf(T);
  const found = { lags, largest: new Float64Array(lags.length), smallest: new Float64Array(lags.length) };
  const [product, scaled] = [new Float64Array(H * H), new Float64Array(H * H)];
  for (let j = 0; j < H; j++) product[j * (H + 1)] = 1;
  for (let k = 0, i = 0; k < T; k++) {
    if (k === lags[i]) {
      const [largest, smallest] = extremeSingularValues(product, H);
      found.largest[i] = largest;
      found.smallest[i] = smallest < 1e-12 * largest ? NaN : smallest;
      i++;
    }
    const of = slope.subarray((T - 1 - k) * H, (T - k) * H);
    for (let i = 0; i < H * H; i += H) for (let j = 0; j < H; j++) scaled[i + j] = product[i + j] * of[j];
    timesTransposed(product, scaled, Whh, H);
  }
  return found;
}

/**
 * The lengths of `flow` for an LSTM or a GRU: of the loss of step t, whose target is y[t]. The gradient is dh_t, of an LSTM dc_t
 * by both paths, through h_t and along c; the slopes are the means of f or of z, which each step multiplies it with.
 *
 * @param {{params: any, x: ArrayLike<number>, y: ArrayLike<number>, inputs: boolean}} given  x, y: up to step t
 * @returns {{shares: Float64Array, slopes: Float64Array}}  as of `flow`
 */
export function gatedFlow({ params, x, y, inputs }) {
  const { H, Wxh } = params;
  const T = x.length;
  const read = inputs ? params : { ...params, Wxh: new Float64Array(Wxh.length) };
  const cell = GATED[params.cell];
  const trace = cell.forward(read, x);
  const { dh, dc = dh } = cell.gradientFlow(read, trace, y, T - 1);
  const kept = trace.f ?? trace.z;
  const slopes = new Float64Array(T);
  for (let i = 0; i < T * H; i++) slopes[Math.floor(i / H)] += kept[i] / H;
  return { shares: dc.map((length) => length / (dc[0] || 1)), slopes };
}

/** The median of each column of several rows of the same length. */
export function medians(rows) {
  return Float64Array.from(rows[0], (_, k) => {
    const sorted = rows.map((row) => row[k]).sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  });
}

const powerOfTen = (value) => `10^${Math.log10(value).toFixed(1).replace("-", "−")}`;

/** A share in print: in percent from a tenth of a percent to a hundredfold, else as a power of ten. */
export function shareText(share) {
  if (share === 0) return "0 %";
  if (share < 0.001 || share >= 100) return powerOfTen(share);
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** A factor in print: a number with two decimals, or a power of ten. */
export const factorText = (factor) => (factor === 0 || (factor >= 0.01 && factor < 1000) ? number(factor, 2) : powerOfTen(factor));
