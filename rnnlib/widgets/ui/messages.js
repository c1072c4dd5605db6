/** The words of a figure, in the language of the page. */

import { WORDS } from "../words.js";

/** The table of a language as a whole: that of zh-CN, else that of zh, else the English one. Neither case nor `_` for `-`
 * makes a difference. `_ext/bookext/words.py` has the same rule for the words of the page. */
export function tableOf(tables, language) {
  const tag = (key) => key.replaceAll("_", "-").toLowerCase();
  const known = new Map(Object.keys(tables).map((key) => [tag(key), tables[key]]));
  let key = tag(language);
  while (key && !known.has(key)) key = key.slice(0, Math.max(0, key.lastIndexOf("-")));
  return known.get(key || "en");
}

/** The words in the language of the page around `node`: words("of", {t: 1, T: 3}). */
export function wordsFor(node) {
  const table = tableOf(WORDS, (node.closest("[lang]") ?? document.documentElement).lang);
  const pieces = {}; // key -> the text between the names, the names at odd places
  return (key, values = {}) => {
    pieces[key] ??= table[key].split(/\{(\w+)\}/);
    return pieces[key].map((piece, i) => (i % 2 ? values[piece] : piece)).join("");
  };
}
