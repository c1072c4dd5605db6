/**
 * The forward and the backward pass of a batch: rnn.py and bptt.py for ids (T, B).
 *
 * Arrays are stored as NumPy stores them. Step t of sequence b is row n = t B + b, and row n - B is the step before it of the
 * same sequence. B is the number of rows of h0.
 *
 * @typedef {import("./rnn.js").Trace} Trace  ids (T, B); h0 (B, H); a, h (T, B, H); o, yhat (T, B, V)
 * @typedef {import("./params.js").Params} Params
 * @typedef {import("./loss.js").Reduction} Reduction
 */

import { checkIds, checkLength, checkParams, checkReduction, checkTargets, wrongArgument } from "./checks.js";
import { addProduct, addProductGradients } from "./linalg.js";
import { softmax } from "./loss.js";

/** B, the number of sequences that start from the states h0 (B, H) and read ids (T, B). */
export function sizeOf(h0, ids, H) {
  const B = h0?.length / H;
  if (Number.isInteger(B) && B > 0 && ids.length % B === 0) return B;
  throw wrongArgument("h0", `(B, H) numbers, H = ${H} and B a divisor of the ${ids.length} ids`, h0 && `length ${h0.length}`);
}

/** Row n of an array of rows, or of the rows before them where n is negative. */
export function rowOf(array, before, n, size) {
  return n < 0 ? before.subarray(before.length + n * size, before.length + (n + 1) * size) : array.subarray(n * size, (n + 1) * size);
}

/**
 * Run the network over a batch from the states `h0`, as `forward` of rnn.js does for one sequence.
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  (T, B)
 * @param {ArrayLike<number>} h0  (B, H)
 * @returns {Trace}
 */
export function batchForward(params, ids, h0) {
  checkParams(params);
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  checkIds("ids", ids, V);
  const B = sizeOf(h0, ids, H);
  const N = ids.length;
  const start = Float64Array.from(h0);
  const a = new Float64Array(N * H);
  const h = new Float64Array(N * H);
  const o = new Float64Array(N * V);

  for (let n = 0; n < N; n++) {
    const at = rowOf(a, a, n, H);
    const ht = rowOf(h, h, n, H);
    const ot = rowOf(o, o, n, V);
    for (let j = 0; j < H; j++) at[j] = Wxh[ids[n] * H + j] + bh[j];
    addProduct(at, rowOf(h, start, n - B, H), Whh);
    for (let j = 0; j < H; j++) ht[j] = Math.tanh(at[j]);
    ot.set(by);
    addProduct(ot, ht, Why);
  }
  return { T: N / B, ids: Int32Array.from(ids), h0: start, a, h, o, yhat: softmax(o, V) };
}

/**
 * The gradient of `crossEntropy(trace.o, y, V, reduction)` with respect to every parameter and h0, summed over the steps and the
 * sequences, as `backward` of bptt.js computes it for one sequence.
 *
 * @param {Params} params
 * @param {Trace} trace  what `batchForward(params, ids, h0)` returned
 * @param {ArrayLike<number>} y  (T, B) target ids
 * @param {Reduction} [reduction]
 */
export function batchBackward(params, trace, y, reduction = "mean") {
  checkParams(params);
  const { V, H, Whh, Why } = params;
  const { ids, h0, a, h, yhat } = trace;
  checkIds("trace.ids", ids, V);
  const B = sizeOf(h0, ids, H);
  const N = ids.length;
  checkLength("trace.a", a, N * H);
  checkLength("trace.h", h, N * H);
  checkLength("trace.yhat", yhat, N * V);
  checkTargets(y, N, V);
  checkReduction(reduction);

  const dWxh = new Float64Array(V * H);
  const dWhh = new Float64Array(H * H);
  const dWhy = new Float64Array(H * V);
  const dbh = new Float64Array(H);
  const dby = new Float64Array(V);
  const dh0 = new Float64Array(B * H);
  const dO = Float64Array.from(yhat); // `do` is a reserved word
  const dh = new Float64Array(N * H);
  const da = new Float64Array(N * H);

  for (let n = 0; n < N; n++) dO[n * V + y[n]] -= 1;
  if (reduction === "mean") for (let i = 0; i < dO.length; i++) dO[i] /= N;

  for (let n = N - 1; n >= 0; n--) {
    const ht = rowOf(h, h, n, H);
    const doT = rowOf(dO, dO, n, V);
    const dht = rowOf(dh, dh, n, H); // already holds da_{t+1} Whhᵀ, from the step after
    const dat = rowOf(da, da, n, H);
    const hPrevious = rowOf(h, h0, n - B, H);
    const dhPrevious = rowOf(dh, dh0, n - B, H);

    for (let j = 0; j < V; j++) dby[j] += doT[j];
    addProductGradients(dht, dWhy, doT, ht, Why);
    for (let j = 0; j < H; j++) {
      dat[j] = dht[j] * (1 - ht[j] * ht[j]);
      dbh[j] += dat[j];
      dWxh[ids[n] * H + j] += dat[j];
    }
    addProductGradients(dhPrevious, dWhh, dat, hPrevious, Whh);
  }
  return { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby, h0: dh0, do: dO, dh, da };
}
