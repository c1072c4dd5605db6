/**
 * Equations written in one line, as MathML: "dh_t = do_t W_hy^⊤ + da_t+1 W_hh^⊤". Spaces part the symbols; a symbol has its
 * index behind _ and its upper index behind ^; d before a letter is the gradient.
 */

import { formula, math } from "./mathml.js";

const SYMBOL = /^(d(?=\p{L}))?(sigmoid|softmax|tanh|\p{L})(?:_([^^]+))?(?:\^(.+))?$/u;

/** Letters, digits and signs of an index, one after the other. */
const index = (text) => math("mrow", ...Array.from(text, (sign) => (/[+−]/.test(sign) ? math("mo", sign) : sign)));

function symbol(text, next) {
  const [, gradient, name, low, high] = SYMBOL.exec(text) ?? [];
  if (!name) return [/^\d/.test(text) ? math("mn", text) : math("mo", text)];
  const letter = name === "ŷ" ? math("mover", "y", "^") : math("mi", name);
  const base = gradient ? math("mrow", math("mi", "d"), letter) : letter;
  const upper = high && (high === "⊤" ? math("mo", high) : index(high));
  const whole = low && upper ? math("msubsup", base, index(low), upper)
    : low ? math("msub", base, index(low)) : upper ? math("msup", base, upper) : base;
  return name.length > 1 && next !== "(" ? [whole, math("mspace")] : [whole];
}

/** The equation as a whole. */
export function equation(text) {
  const parts = text.split(" ");
  return formula(...parts.flatMap((part, i) => symbol(part, parts[i + 1])));
}
