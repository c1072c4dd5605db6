/**
 * How far the gradient of one loss reaches back: its lengths |∂L_T/∂h_{T-k}| for a plain and for a leaky cell, and the same
 * for an LSTM and a GRU. The leaky cell keeps a part of its state: h_t = (1 - α) h_{t-1} + α tanh(x_t Wxh + h_{t-1} Whh + bh);
 * α = 1 is the plain one.
 */

import { gru } from "../engine/gru.js";
import { addProduct, addTransposedProduct } from "../engine/linalg.js";
import { lstm } from "../engine/lstm.js";
import { softmax } from "../engine/loss.js";
import { lengthOf } from "../engine/optim.js";
import { orthogonal } from "../engine/spectra.js";

/** @type {Object<string, any>} */
export const GATED = { lstm, gru };

export const FAR = 10; // steps back after which the share that is left is told

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
 * @returns {{shares: Float64Array, slopes: Float64Array}}  shares (T + 1): |∂L_T/∂h_{T-k}| / |∂L_T/∂h_T| for k = 0 … T;
 *   slopes (T): the mean over the units of tanh's slope at each step
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
  return { shares, slopes };
}

/**
 * The same of an LSTM or a GRU: of the loss of step t, whose target is y[t]. The gradient is that of h, of an LSTM that of the
 * cell state; the slopes are the means of f or of z, which each step multiplies it with.
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

/** A share in print: in percent from a tenth of a percent to a hundredfold, else as a power of ten. */
export function shareText(share) {
  if (share === 0) return "0 %";
  if (share < 0.001 || share >= 100) return `10^${Math.log10(share).toFixed(1).replace("-", "−")}`;
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
