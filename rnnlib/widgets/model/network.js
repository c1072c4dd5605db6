/**
 * From the traits of a figure to the network it shows: checked, run, and kept as long as the traits stay the same.
 */

import { unflatten } from "../engine/flat.js";
import { stepLosses } from "../engine/loss.js";
import { initParams } from "../engine/params.js";
import { forward } from "../engine/rnn.js";
import { encode, vocabulary } from "../engine/text.js";
import { visible } from "./format.js";
import { LIMITS } from "./limits.js";

/** A value that cannot be shown: which control it belongs to, and which words say why. */
export class Problem extends Error {
  constructor(control, key, values) {
    super(key);
    this.control = control;
    this.key = key;
    this.values = values;
  }
}

/** A text that the network can read, or a Problem. */
export function checkText(text, known, steps = LIMITS.steps) {
  const characters = [...text]; // code points, as in Python
  if (characters.length < 2) throw new Problem("text", "too_short");
  const unknown = known.length ? [...new Set(characters)].filter((c) => !known.includes(c)) : [];
  if (unknown.length) {
    throw new Problem("text", "unknown", {
      known: known.map(visible).join(" "), unknown: unknown.slice(0, 12).map(visible).join(" "),
    });
  }
  return characters.slice(0, steps + 1);
}

/** A whole number from low to limit, or a Problem. */
export function checkWhole(control, key, value, low, limit) {
  if (Number.isInteger(value) && value >= low && value <= limit) return value;
  throw new Problem(control, key, { limit, value });
}

/** The arrays of Params that Python sent one after the other as float64. */
export function unpack(bytes, V, H, cell) {
  const numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return unflatten(numbers, V, H, cell);
}

/** The vanilla network. Of another cell: its name, the traits that it has besides, how its weights are drawn, and its pass
 * forward.
 * @type {{cell: import("../engine/flat.js").Cell, traits: string[], draw: (V: number, H: number, seed: number) => any,
 *   forward: (params: any, x: any) => any}} */
const VANILLA = { cell: "rnn", traits: [], draw: initParams, forward };

/** The traits that say which network it is. */
export const NETWORK = ["text", "hidden_size", "seed", "_weights", "_characters"];

/** The network that the traits name, and its pass forward; throws a Problem. It is `last` where they are still the same. */
export function network(model, last, kind = VANILLA) {
  const values = [...NETWORK, ...kind.traits].map((name) => model.get(name));
  if (last && values.every((value, i) => value === last.values[i])) return last;
  return { values, ...build(model, kind) };
}

/** The traits of the network as it is shown. */
export const shownNetwork = ({ text, H, seed }) => ({ text, hidden_size: H, seed });

/** A trait that points to one of `size` things, from 0, wherever it comes from. */
export function inside(value, size) {
  return Math.min(size - 1, Math.max(0, Math.round(value) || 0));
}

function build(model, kind) {
  const known = [...model.get("_characters")];
  const characters = checkText(model.get("text"), known);
  const H = checkWhole("hidden_size", "bad_size", model.get("hidden_size"), 1, LIMITS.hidden);
  const vocab = known.length ? known : vocabulary(characters.join(""));
  const V = vocab.length;
  const params = known.length
    ? unpack(model.get("_weights"), V, H, kind.cell)
    : kind.draw(V, H, checkWhole("seed", "bad_seed", model.get("seed"), 0, LIMITS.seed));
  const ids = encode(vocab, characters.join(""));
  const x = ids.slice(0, -1);
  const y = ids.slice(1);
  const trace = kind.forward(params, x);
  const losses = stepLosses(trace.o, y, V);
  const given = known.length > 0;
  return { text: characters.join(""), seed: model.get("seed"), vocab, V, H, T: x.length, params, x, y, trace, losses, given };
}
