/**
 * The parameters of the network and how they are drawn; see rnn.py.
 *
 * @typedef {{V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array,
 *   by: Float64Array}} Params  Wxh (V, H), Whh (H, H), Why (H, V), bh (H), by (V)
 */

import { checkInteger } from "./checks.js";
import { generator } from "./random.js";

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero: the same bits as
 * `init_params(V, H, rng=np.random.default_rng(seed))`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint} seed
 * @returns {Params}
 */
export function initParams(V, H, seed) {
  checkInteger("V", V, 1);
  checkInteger("H", H, 1);
  const rng = generator(seed);
  const draw = (fanIn, fanOut) => rng.uniform(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), fanIn * fanOut);
  const Wxh = draw(V, H);
  const Whh = draw(H, H);
  const Why = draw(H, V);
  return { V, H, Wxh, Whh, Why, bh: new Float64Array(H), by: new Float64Array(V) };
}
