/**
 * The parameters one after the other in a vector, in the order of `PARAMETERS`; see _flat.py.
 */

/** The shape of each of the five parameters; shapes("V", "H") gives the letters of the shapes. */
export const shapes = (V, H) => ({ Wxh: [V, H], Whh: [H, H], Why: [H, V], bh: [H], by: [V] });

/** The numbers in each of them. */
export const sizes = (V, H) => (
  Object.fromEntries(Object.entries(shapes(V, H)).map(([name, [rows, columns = 1]]) => [name, rows * columns])));

/** The names of the five parameters. */
export const PARAMETERS = Object.keys(sizes(1, 1));

/** The numbers in all of them. */
export const size = (V, H) => Object.values(sizes(V, H)).reduce((sum, each) => sum + each, 0);

/** Parameters whose arrays are views of the vector: writing to one writes to the other.
 * @returns {import("./params.js").Params} */
export function unflatten(vector, V, H) {
  /** @type {any} */
  const params = { V, H };
  let start = 0;
  for (const [name, length] of Object.entries(sizes(V, H))) {
    params[name] = vector.subarray(start, start + length);
    start += length;
  }
  return params;
}

/** All numbers of the parameters in a new vector. */
export function flatten(params) {
  const vector = new Float64Array(size(params.V, params.H));
  const parts = unflatten(vector, params.V, params.H);
  for (const name of PARAMETERS) parts[name].set(params[name]);
  return vector;
}
