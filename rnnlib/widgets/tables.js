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
    Object.assign(this, { head: 0 }, parts, { n: 0, start: 0, offset: 0, all: [] });
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

  /** Show n items, one of them the current; draw(item, i, stop) fills the node of one with the i-th, and stop says whether
   * the Tab key stops there: at the current one, or at the first in sight when that is scrolled away. */
  show(n, current, draw) {
    if (this.n !== n) this.space.style[this.across ? "width" : "height"] = `${n * this.size}px`;
    Object.assign(this, { n, current, draw });
    this.fill();
  }

  fill() {
    const count = Math.min(this.n, Math.ceil(this.room / this.size) + 3);
    const start = Math.max(0, Math.min(Math.floor(this.offset / this.size) - 1, this.n - count));
    while (this.all.length < count) {
      this.all.push(this.build());
      this.space.append(this.all.at(-1).node);
    }
    while (this.all.length > count) this.all.pop().node.remove();
    this.turn(start - this.start);
    this.start = start;
    this.space.style[this.across ? "paddingLeft" : "paddingTop"] = `${start * this.size}px`;
    const stop = this.current >= start && this.current < start + count ? this.current : start;
    this.all.forEach((item, i) => {
      item.index = start + i;
      this.draw(item, item.index, item.index === stop);
    });
  }

  /** Move nodes from one end to the other, so that an item that stays in sight keeps its node, and its focus. */
  turn(by) {
    if (Math.abs(by) >= this.all.length) return;
    for (let i = 0; i < by; i++) {
      this.all.push(this.all.shift());
      this.all.at(-2).node.after(this.all.at(-1).node);
    }
    for (let i = 0; i > by; i--) {
      this.all.unshift(this.all.pop());
      this.all[1].node.before(this.all[0].node);
    }
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
    // Scrolling makes the browser lay the page out at once: once for all views, when everything is drawn.
    queueMicrotask(() => {
      this.view[this.across ? "scrollLeft" : "scrollTop"] = this.offset;
    });
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
  const rows = new Sight({ view: scroller, space: body, across: false, size: ROW, room: 208, head: HEAD, build });
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
