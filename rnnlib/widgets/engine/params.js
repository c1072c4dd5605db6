/**
 * The parameters of the network and how they are drawn; see rnn.py. Where a seed is asked for, a generator may be given.
 *
 * @typedef {import("./random.js").Generator} Generator
 * @typedef {{V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array,
 *   by: Float64Array}} Params  Wxh (V, H), Whh (H, H), Why (H, V), bh (H), by (V)
 */

import { checkInteger } from "./checks.js";
import { shapes } from "./flat.js";
import { generator } from "./random.js";

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero: the same bits as
 * `init_params(V, H, rng=np.random.default_rng(seed))`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint | Generator} seed
 * @returns {Params}
 */
export function initParams(V, H, seed) {
  return { V, H, ...drawn(V, H, seed) };
}

/** Fresh parameters of any cell: the bits of its `init_params` in Python.
 * @param {import("./flat.js").Cell} cell
 * @param {number} V
 * @param {number} H
 * @param {number | bigint | Generator} seed
 * @param {number} [forgetBias]  of an LSTM
 * @returns {any} */
export function freshParams(cell, V, H, seed, forgetBias = 1) {
  const params = { ...(cell !== "rnn" && { cell }), V, H, ...drawn(V, H, seed, cell) };
  if (cell === "lstm") params.bh.fill(forgetBias, H, 2 * H);
  return params;
}

/** The arrays of the parameters of any cell, in the order in which they are drawn.
 * @param {number} V
 * @param {number} H
 * @param {number | bigint | Generator} seed
 * @param {import("./flat.js").Cell} [cell]
 * @returns {any} */
export function drawn(V, H, seed, cell) {
  checkInteger("V", V, 1);
  checkInteger("H", H, 1);
  const rng = typeof seed === "object" ? seed : generator(seed);
  return Object.fromEntries(Object.entries(shapes(V, H, cell)).map(([name, [rows, columns]]) => {
    const bound = 1 / Math.sqrt(rows); // rows: as many as numbers come in
    return [name, columns ? rng.uniform(-bound, bound, rows * columns) : new Float64Array(rows)];
  }));
}
