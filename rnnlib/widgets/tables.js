/**
 * Long lists and tables of which only what is in sight exists, and lines of formulas with their numbers.
 */

import { make, setText } from "./parts.js";

const HEAD = 29; // height of the head of a table, px
const ROW = 26; // and of a row

/** The items of a long row or column of things that are in sight, and a few more: only these exist and are drawn. When the
 * reader scrolls, the same nodes are filled with other items; padding stands for those before, the size for all. */
export class Sight {
  /** @param {{view: HTMLElement, space: HTMLElement, across: boolean, size: number, room: number, head?: number, build: () => any}} parts
   * view scrolls, space inside it holds the nodes; size is that of one item and room that of the view, in px, until the
   * view can be measured; head is what covers the view's first px */
  constructor(parts) {
    Object.assign(this, { head: 0 }, parts, { n: 0, offset: 0, all: [] });
    this.view.addEventListener("scroll", () => this.scrolled());
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      const room = this.across ? contentRect.width : contentRect.height;
      if (room && room !== this.room) {
        this.room = room;
        this.fill();
        if (this.wanted < this.n) this.reveal(this.wanted);
      }
    });
    this.observer.observe(this.view);
  }

  /** Show n items; draw(item, i) fills the node of one with the i-th. */
  show(n, draw) {
    if (this.n !== n) this.space.style[this.across ? "width" : "height"] = `${n * this.size}px`;
    Object.assign(this, { n, draw });
    this.fill();
  }

  fill() {
    const count = Math.min(this.n, Math.ceil(this.room / this.size) + 3);
    const start = Math.max(0, Math.min(Math.floor(this.offset / this.size) - 1, this.n - count));
    while (this.all.length < count) {
      this.all.push(this.build());
      this.space.append(this.all.at(-1).node);
    }
    this.space.style[this.across ? "paddingLeft" : "paddingTop"] = `${start * this.size}px`;
    this.all.forEach((item, i) => {
      item.index = i < count ? start + i : -1;
      item.node.hidden = i >= count;
      if (i < count) this.draw(item, item.index);
    });
  }

  scrolled() {
    const before = Math.floor(this.offset / this.size);
    this.offset = this.across ? this.view.scrollLeft : this.view.scrollTop;
    if (Math.floor(this.offset / this.size) !== before) this.fill();
  }

  /** Scroll the view, and never the page, until item i can be seen. The view is not asked for its state, which would make
   * the browser lay the page out once more. */
  reveal(i) {
    this.wanted = i;
    const at = i * this.size;
    const room = this.room - this.head;
    if (at >= this.offset && at + this.size <= this.offset + room) return;
    this.offset = Math.round(Math.max(0, Math.min(at + this.size / 2 - room / 2, this.n * this.size - room)));
    this.fill();
    this.view[this.across ? "scrollLeft" : "scrollTop"] = this.offset;
  }

  at(i) {
    return this.all.find((item) => item.index === i);
  }
}

/** A cell of a table, by its role. The cells of a row stand in one line of text, padded with spaces to the width of their
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
    if (symbols) node.setAttribute("aria-label", word);
    return node;
  });
  const head = make("div", { role: "rowgroup", className: "rnn-head" }, row(...titles));
  const body = make("div", { role: "rowgroup" });
  const grid = make("div", { role: "table", className: `rnn-table rnn-${name}` }, head, body);
  const scroller = make("div", { className: "rnn-scroll", tabIndex: 0, role: "group" }, grid);
  const node = make("section", { className: "rnn-panel" }, title, scroller);
  const rows = new Sight({ view: scroller, space: body, across: false, size: ROW, room: 208, head: HEAD, build });
  return { node, title, scroller, grid, body, rows };
}

/** Show n rows; draw(row, i) fills the nodes of one with the i-th. The title is also the name of the table. */
export function showRows({ title, scroller, grid, rows }, text, n, draw) {
  if (title.shown !== text) {
    setText(title, text);
    for (const node of [scroller, grid]) node.setAttribute("aria-label", text);
  }
  grid.setAttribute("aria-rowcount", n + 1);
  rows.show(n, (item, i) => {
    item.node.setAttribute("aria-rowindex", i + 2); // the head is the first
    draw(item, i);
  });
}

/** A line of symbols, and the numbers that stand in for them. The symbols are laid out anew only when they change. */
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
