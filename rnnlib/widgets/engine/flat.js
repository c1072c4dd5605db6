/**
 * The parameters one after the other in a vector, in the order of the Python `Params` of their cell; see _flat.py.
 *
 * A cell has a name: "rnn", the vanilla network, unless given; "lstm"; "gru".
 *
 * @typedef {"rnn" | "lstm" | "gru"} Cell
 */

/** How many blocks of H columns are side by side in Wxh and Whh of each cell. */
export const BLOCKS = { rnn: 1, lstm: 4, gru: 3 };

/** The shape of each parameter; shapes("V", "H") gives the letters of the shapes.
 * @param {any} V
 * @param {any} H
 * @param {Cell} [cell] */
export function shapes(V, H, cell = "rnn") {
  const gates = BLOCKS[cell];
  const G = gates === 1 ? H : typeof H === "string" ? `${gates}${H}` : gates * H;
  return { Wxh: [V, G], Whh: [H, G], Why: [H, V], bh: [G], ...(cell === "gru" ? { bn: [H] } : {}), by: [V] };
}

/** The numbers in each of them.
 * @param {number} V
 * @param {number} H
 * @param {Cell} [cell]
 * @returns {Object<string, number>} */
export const sizes = (V, H, cell) => (
  Object.fromEntries(Object.entries(shapes(V, H, cell)).map(([name, [rows, columns = 1]]) => [name, rows * columns])));

/** The names of the five parameters of the vanilla network, which an LSTM has, too. */
export const PARAMETERS = Object.keys(sizes(1, 1));

/** The numbers in all of them.
 * @param {number} V
 * @param {number} H
 * @param {Cell} [cell] */
export const size = (V, H, cell) => Object.values(sizes(V, H, cell)).reduce((sum, each) => sum + each, 0);

/** Parameters whose arrays are views of the vector: writing to one writes to the other.
 * @param {Float64Array} vector
 * @param {number} V
 * @param {number} H
 * @param {Cell} [cell]
 * @returns {any} */
export function unflatten(vector, V, H, cell = "rnn") {
  /** @type {any} */
  const params = cell === "rnn" ? { V, H } : { cell, V, H };
  let start = 0;
  for (const [name, length] of Object.entries(sizes(V, H, cell))) {
    params[name] = vector.subarray(start, start + length);
    start += length;
  }
  return params;
}

/** All numbers of the parameters in a new vector. */
export function flatten(params) {
  const { V, H, cell } = params;
  const vector = new Float64Array(size(V, H, cell));
  const parts = unflatten(vector, V, H, cell);
  for (const name of Object.keys(sizes(V, H, cell))) parts[name].set(params[name]);
  return vector;
}
