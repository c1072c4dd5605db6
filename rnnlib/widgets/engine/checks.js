/**
 * Checks of arguments, made before anything is computed: wrong input throws a RangeError that names the argument, what
 * was expected and what came.
 */

import { BLOCKS, sizes } from "./flat.js";

export function wrongArgument(name, expected, value) {
  const got = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new RangeError(`${name}: expected ${expected}, got ${got}`);
}

export function checkInteger(name, value, low, high = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    const upTo = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`;
    throw wrongArgument(name, `an integer ${upTo}`, value);
  }
}

export function checkLength(name, array, length) {
  if (array?.length !== length) {
    throw wrongArgument(name, `an array of length ${length}`, array == null ? array : `length ${array.length}`);
  }
}

export function checkNumbers(name, array) {
  if (!(array?.length > 0)) {
    throw wrongArgument(name, "an array of numbers", array == null ? array : `length ${array.length}`);
  }
}

export function checkIds(name, ids, V) {
  if (!(ids?.length > 0)) throw wrongArgument(name, "at least one id", ids == null ? ids : `length ${ids.length}`);
  for (let t = 0; t < ids.length; t++) checkInteger(`${name}[${t}]`, ids[t], 0, V - 1);
}

export function checkTargets(y, T, V) {
  checkLength("y", y, T);
  checkIds("y", y, V);
}

export function checkLogits(o, V) {
  checkInteger("V", V, 1);
  if (!(o?.length > 0) || o.length % V) {
    throw wrongArgument("o", `rows of ${V} logits, at least one`, o == null ? o : `length ${o.length}`);
  }
}

export function checkReduction(reduction) {
  if (reduction !== "mean" && reduction !== "sum") throw wrongArgument("reduction", '"mean" or "sum"', reduction);
}

/** Parameters of this cell, and of no other.
 * @param {any} params
 * @param {import("./flat.js").Cell} [cell] */
export function checkParams(params, cell = "rnn") {
  const { V, H, cell: given = "rnn" } = params ?? {};
  checkInteger("params.V", V, 1);
  checkInteger("params.H", H, 1);
  if (given !== cell) throw wrongArgument("params.cell", `"${cell}"`, given);
  for (const [name, length] of Object.entries(sizes(V, H, cell))) checkLength(`params.${name}`, params[name], length);
}

/** What the forward pass of each cell keeps of each step, beside the pre-activations. */
const KEPT = { rnn: ["h"], lstm: ["i", "f", "g", "q", "c", "h"], gru: ["r", "z", "m", "n", "h"] };

export function checkTrace(trace, { V, H, cell = "rnn" }) {
  checkInteger("trace.T", trace?.T, 1);
  checkLength("trace.ids", trace.ids, trace.T);
  checkIds("trace.ids", trace.ids, V);
  checkLength("trace.h0", trace.h0, H);
  if (cell === "lstm") checkLength("trace.c0", trace.c0, H);
  checkLength("trace.a", trace.a, trace.T * BLOCKS[cell] * H);
  for (const name of KEPT[cell]) checkLength(`trace.${name}`, trace[name], trace.T * H);
  for (const name of ["o", "yhat"]) checkLength(`trace.${name}`, trace[name], trace.T * V);
}

export function checkFunction(name, value) {
  if (typeof value !== "function") throw wrongArgument(name, "a function", value);
}
