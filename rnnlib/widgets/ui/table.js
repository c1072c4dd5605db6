/**
 * Long lists and tables of which only what is in sight exists, and lines of formulas with their numbers.
 */

import { make, setText } from "./dom.js";
import { VirtualList } from "./virtual_list.js";

const HEAD = 29; // height of the head of a table, px

const ROW = 26; // and of a row

/** A cell of a table, by its role. The cells of a row are in one line of text, padded with spaces to the width of their
 * columns: laying out a line takes the browser half the time that as many boxes in a <table> or grid take. The roles make
 * it a table for a screen reader. */
export function cell(role, className = "", ...children) {
  return make("span", { role, className: `rnn-cell ${className}` }, ...children);
}

/** A row of cells. */
export function row(...cells) {
  return make("div", { role: "row", className: "rnn-row" }, ...cells);
}

/** A panel with a title and a table whose head stays in sight while its rows scroll. A head is a word and its column's
 * class, or a formula besides, for which a screen reader says the word.
 * @param {() => any} build makes the nodes of one row: {node, ...} */
export function table(name, heads, build) {
  const title = make("div", { className: "rnn-title" });
  const titles = heads.map(([word, className, symbols]) => {
    const node = cell("columnheader", className, symbols ?? word);
    if (symbols) {
      symbols.setAttribute("aria-hidden", "true");
      node.append(make("span", { className: "rnn-said" }, word));
    }
    return node;
  });
  const headRow = row(...titles);
  const head = make("div", { role: "rowgroup", className: "rnn-head" }, headRow);
  const body = make("div", { role: "rowgroup" });
  const grid = make("div", { role: "table", className: `rnn-table rnn-${name}` }, head, body);
  const scroller = make("div", { className: "rnn-scroll", tabIndex: 0, role: "group" }, grid);
  const node = make("section", { className: "rnn-panel" }, title, scroller);
  const rows = new VirtualList({ view: scroller, space: body, across: false, size: ROW, room: 208, head: HEAD, build });
  return { node, title, scroller, grid, headRow, body, rows };
}

/** Show n rows; draw(row, i) fills the nodes of one with the i-th. The title is also the name of the table. */
export function showRows({ title, scroller, grid, rows }, text, n, draw, current = 0) {
  if (title.shown !== text) {
    setText(title, text);
    for (const node of [scroller, grid]) node.setAttribute("aria-label", text);
  }
  grid.setAttribute("aria-rowcount", n + 1);
  rows.show(n, current, (item, i, stop) => {
    item.node.setAttribute("aria-rowindex", i + 2); // the head is the first
    draw(item, i, stop);
  });
}

/** A line of symbols, and the numbers for them. The symbols are laid out again only when they change. */
export function line() {
  const node = make("div", { className: "rnn-formula" });
  node.symbols = node.appendChild(make("span"));
  node.numbers = node.appendChild(make("span", { className: "rnn-numbers" }));
  return node;
}

/** The formulas of a line, made by build() unless they were made for the same key. A line breaks between formulas. */
export function symbols(node, key, build) {
  if (node.key === key) return;
  node.key = key;
  node.replaceChildren(...build());
}
