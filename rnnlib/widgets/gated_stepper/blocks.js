/**
 * The numbers of a move: small tables, one for each block, whose rows are added or multiplied from top to bottom.
 */

import { number, slight, visible } from "../model/format.js";
import { extent, paint } from "../ui/colour.js";
import { make, setText } from "../ui/dom.js";
import { cell, row } from "../ui/table.js";

/** A table with these rows, whose cells are still empty; counted: the word for what its columns are. */
function buildTable(rows, columns, counted) {
  const title = make("div", { className: "rnn-title" });
  const heads = Array.from({ length: columns }, () => cell("columnheader", "rnn-number"));
  const lines = rows.map(({ sign, name }) => {
    const head = cell("rowheader", "rnn-gated-name", make("span", { className: "rnn-gated-sign" }, sign), make("code", {}, name));
    const cells = Array.from({ length: columns }, () => cell("cell", "rnn-number"));
    const node = row(head, ...cells);
    node.classList.toggle("rnn-gated-sum", sign === "=" || sign === "→");
    return { node, cells };
  });
  const head = row(cell("columnheader", "rnn-gated-name", counted), ...heads);
  const grid = make("div", { role: "table", className: "rnn-table" },
    make("div", { role: "rowgroup", className: "rnn-head" }, head),
    make("div", { role: "rowgroup" }, ...lines.map(({ node }) => node)));
  const scroller = make("div", { className: "rnn-gated-scroll", tabIndex: 0, role: "group" }, grid);
  const node = make("section", { className: "rnn-gated-block" }, title, scroller);
  return { node, title, scroller, grid, heads, lines };
}

/** The blocks; nodes are made anew where the rows are others. */
export function buildBlocks({ words }) {
  const node = make("div", { className: "rnn-gated-blocks" });
  let tables = [];
  let shape = "";
  return {
    node,
    draw({ blocks, vocab, H, dark }) {
      const wide = blocks.map(({ characters }) => (characters ? vocab.length : H));
      const needed = JSON.stringify([wide, blocks.map(({ rows }) => rows.map(({ sign, name }) => sign + name))]);
      if (needed !== shape) {
        tables = blocks.map(({ rows, characters }, k) => buildTable(rows, wide[k], words(characters ? "character" : "unit")));
        node.replaceChildren(...tables.map((table) => table.node));
        shape = needed;
      }
      node.classList.toggle("rnn-gated-characters", Boolean(blocks[0].characters));
      blocks.forEach(({ title, rows, characters }, k) => {
        const { lines, heads, ...table } = tables[k];
        const name = words(title);
        setText(table.title, name);
        for (const each of [table.scroller, table.grid]) each.setAttribute("aria-label", name);
        heads.forEach((head, j) => setText(head, characters ? visible(vocab[j]) : String(j + 1)));
        const limit = Math.max(...rows.map(({ values, share }) => (share ? 0 : extent(values))), 1e-300);
        rows.forEach(({ values, share }, i) => (
          lines[i].cells.forEach((each, j) => paint(each, values[j], share ? 1 : limit, dark, share ? number : slight))));
      });
    },
  };
}
