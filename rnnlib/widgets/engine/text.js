/**
 * The distinct characters of `text`, sorted by code point; a character's id is its place in that order.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function vocabulary(text) {
  // Strings iterate by code point, but compare by UTF-16 unit, which would put emoji before U+E000 to U+FFFF.
  return [...new Set(text)].sort((p, q) => p.codePointAt(0) - q.codePointAt(0));
}

/**
 * Ids of the characters of `text`. Throws an Error naming the characters that `vocab` lacks.
 *
 * @param {string[]} vocab  as `vocabulary` gives it
 * @param {string} text
 * @returns {Int32Array}
 */
export function encode(vocab, text) {
  const idOf = new Map(vocab.map((character, id) => [character, id]));
  const unknown = vocabulary(text).filter((character) => !idOf.has(character));
  if (unknown.length) {
    const names = unknown.map((character) => JSON.stringify(character)).join(", ");
    throw new Error(`text: expected only the ${vocab.length} characters of the vocabulary, got the unknown ${names}`);
  }
  return Int32Array.from([...text], (character) => idOf.get(character));
}
