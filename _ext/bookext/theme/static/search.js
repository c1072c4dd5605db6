/* On the search page an equation is its letters, once: without the LaTeX that lies beside them for copying, without what
   is there only for its height, and without the button beside it. */
const lettersOnly = (html) => html.replace(/<(annotation|mphantom|button)\b.*?<\/\1>/gs, "");
const htmlToText = Search.htmlToText;
Search.htmlToText = (html, anchor) => htmlToText(lettersOnly(html), anchor);

/* Titles are words. Sphinx's search puts them into the page as markup: those of pages are HTML, all others plain text.
   And it looks words up in plain objects, which have something under "constructor", too. */
const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const { hasOwnProperty } = Object.prototype;
const bare = (table) => Object.assign(Object.create({ __proto__: null, hasOwnProperty }), table);
const escaped = (table) =>
  Object.fromEntries(Object.entries(table).map(([name, places]) => [name.replace(/[&<>"]/g, (sign) => SIGNS[sign]), places]));
const setIndex = Search.setIndex;
Search.setIndex = (index) => {
  const titles = index.titles.map((title) => lettersOnly(title).replace(/<[^>]*>/g, ""));
  const [terms, titleterms] = [index.terms, index.titleterms].map(bare);
  const [alltitles, indexentries] = [escaped(index.alltitles), escaped(index.indexentries)];
  setIndex({ ...index, titles, terms, titleterms, alltitles, indexentries });
};

/* It leaves what was asked for in the browser's store, for pages that would highlight it: ours do not. And where the
   browser opens no store to the page, it finds nothing to fail at. */
const query = Search.query;
Search.query = (words) => {
  query(words);
  localStorage.removeItem("sphinx_highlight_terms");
};
try {
  localStorage.removeItem("sphinx_highlight_terms");
} catch {
  const nothing = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
  Object.defineProperty(window, "localStorage", { value: nothing });
}
