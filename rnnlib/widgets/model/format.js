/** A number in print: three decimals and a true minus sign; from 100 on fewer, very large ones in powers of ten, so that
 * most take at most seven characters. A dash for what is no number, such as the loss before any update. */
export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return value === Infinity ? "∞" : value === -Infinity ? "−∞" : "–";
  const size = Math.abs(value);
  const text = size < 100 ? size.toFixed(digits) : size < 1e4 ? size.toFixed(size < 1000 ? 2 : 1) : size.toExponential(1);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A gradient in print: three or four decimals, and smaller ones in powers of ten, so that none but 0 looks like 0; at most
 * seven characters. */
export function slight(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (!(size < 0.1)) return number(value);
  const text = size < 0.001 ? size.toExponential(size < 1e-9 ? 0 : 1).replace("-", "−") : size.toFixed(4);
  return value < 0 ? `−${text}` : text;
}

/** A probability in print. */
export function percent(value) {
  if (!Number.isFinite(value)) return number(value);
  return `${(100 * value).toFixed(1)} %`;
}

const VISIBLE = new Map([[" ", "␣"], ["\n", "⏎"], ["\t", "⇥"], ["\u00a0", "⍽"], ["\u3000", "□"]]);

/** A character as something that can be seen: white space as a sign, a combining mark on a dotted circle,
 * anything invisible as its code point. */
export function visible(character) {
  const sign = VISIBLE.get(character);
  if (sign) return sign;
  if (/\p{M}/u.test(character) && !/[\ufe00-\ufe0f]/.test(character)) return `◌${character}`;
  if (/[\p{C}\p{Z}\ufe00-\ufe0f]/u.test(character)) {
    return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return character;
}

/** A character in a sentence, which it cannot turn around when it is written from right to left. */
export function quoted(character) {
  return `“\u2068${visible(character)}\u2069”`;
}
