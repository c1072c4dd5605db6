/**
 * Checks of arguments, made before anything is computed: wrong input throws a RangeError that names the argument, what
 * was expected and what came.
 */

import { sizes } from "./flat.js";

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

export function checkParams(params) {
  const { V, H } = params ?? {};
  checkInteger("params.V", V, 1);
  checkInteger("params.H", H, 1);
  for (const [name, length] of Object.entries(sizes(V, H))) checkLength(`params.${name}`, params[name], length);
}

export function checkTrace(trace, { V, H }) {
  checkInteger("trace.T", trace?.T, 1);
  checkLength("trace.ids", trace.ids, trace.T);
  checkIds("trace.ids", trace.ids, V);
  checkLength("trace.h0", trace.h0, H);
  for (const name of ["a", "h"]) checkLength(`trace.${name}`, trace[name], trace.T * H);
  for (const name of ["o", "yhat"]) checkLength(`trace.${name}`, trace[name], trace.T * V);
}

export function checkFunction(name, value) {
  if (typeof value !== "function") throw wrongArgument(name, "a function", value);
}
