/** The words of a figure, in the language of the page. */

import { WORDS } from "../words.js";

/** The words in the language of the page around `node`: words("of", {t: 1, T: 3}). English where a word is missing. */
export function wordsFor(node) {
  const language = (node.closest("[lang]") ?? document.documentElement).lang || "en";
  const table = { ...WORDS.en, ...WORDS[language.split("-")[0]], ...WORDS[language] };
  const pieces = {}; // key -> the text between the names, the names at odd places
  return (key, values = {}) => {
    pieces[key] ??= table[key].split(/\{(\w+)\}/);
    return pieces[key].map((piece, i) => (i % 2 ? values[piece] : piece)).join("");
  };
}
