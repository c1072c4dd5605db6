/**
 * The distinct characters of `text`, sorted by code point; a character's id is its place in that order.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function vocabulary(text) {
  // Strings iterate by code point, but compare by UTF-16 unit, which would put emoji before U+E000 to U+FFFF.
  const code = (character) => /** @type {number} */ (character.codePointAt(0));
  return [...new Set(text)].sort((p, q) => code(p) - code(q));
}

const NAMED = 20; // unknown characters, at most, in an error

/** A character as an error shows it: what changes another character, such as an accent, by its code. */
function named(character) {
  const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return /\p{M}/u.test(character) ? `U+${code}` : JSON.stringify(character);
}

/**
 * Ids of the characters of `text`. Throws an Error naming the characters that `vocab` lacks, the first of them if there
 * are many, and the Unicode form of the text that has none of them, if there is one.
 *
 * @param {string[]} vocab  as `vocabulary` gives it
 * @param {string} text
 * @returns {Int32Array}
 */
export function encode(vocab, text) {
  /** @type {Map<string, any>} */
  const idOf = new Map(vocab.map((character, id) => [character, id]));
  const unknown = vocabulary(text).filter((character) => !idOf.has(character));
  if (unknown.length) {
    const more = unknown.length > NAMED ? ` and ${unknown.length - NAMED} more` : "";
    const names = unknown.slice(0, NAMED).map(named).join(", ") + more;
    const forms = ["NFC", "NFD", "NFKC", "NFKD"];
    const form = forms.find((form) => [...text.normalize(form)].every((character) => idOf.has(character)));
    const hint = form ? `; text.normalize("${form}") has none of them` : "";
    const known = `the ${vocab.length} characters of the vocabulary`;
    throw new Error(`text: expected only ${known}, got the unknown ${names}${hint}`);
  }
  return Int32Array.from([...text], (character) => idOf.get(character));
}
