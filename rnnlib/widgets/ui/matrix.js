/**
 * A matrix as a heat map with its numbers: a table of which only the cells in sight exist, and a few more.
 */

import { slight } from "../model/format.js";
import { paint } from "./colour.js";
import { make, setText } from "./dom.js";
import { cell, row, showRows, table } from "./table.js";

const SPARE = 2; // columns on either side of those in sight

export function buildMatrix(name, rowWord) {
  const skipped = () => make("span", { className: "rnn-skip" });
  const parts = table(`matrix rnn-${name}`, [[rowWord, "rnn-col-row", make("span")]], () => {
    const [head, skip] = [cell("rowheader", "rnn-col-row"), skipped()];
    return { node: row(head, skip), head, skip, values: [] };
  });
  const headSkip = parts.headRow.appendChild(skipped());
  /** @type {any} */
  const matrix = { ...parts, headSkip, heads: [], first: 0, offset: 0, room: 600, column: 56, what: null };
  const again = () => matrix.what && show(matrix);
  matrix.scroller.addEventListener("scroll", () => {
    matrix.offset = matrix.scroller.scrollLeft; // not asked for while drawing, which would lay the page out once more
    if (matrix.what && matrix.first !== firstColumn(matrix)) again();
  });
  // The width of a column depends on the reader's font; it is known once one is laid out.
  matrix.observer = new ResizeObserver((entries) => {
    for (const { target, contentRect, borderBoxSize } of entries) {
      if (target === matrix.scroller) matrix.room = contentRect.width;
      else if (borderBoxSize[0].inlineSize) {
        matrix.column = borderBoxSize[0].inlineSize + parseFloat(getComputedStyle(target).marginRight);
      }
    }
    again();
  });
  matrix.observer.observe(matrix.scroller);
  return matrix;
}

function firstColumn({ offset, column, what, room }) {
  const count = Math.min(what.columns, Math.ceil(room / column) + 2 * SPARE);
  return Math.max(0, Math.min(Math.floor(offset / column) - SPARE, what.columns - count));
}

/** Show values (rows, columns), stored row by row, on the scale from -limit to limit.
 * @param {{title: string, rows: number, columns: number, values: ArrayLike<number>, limit: number, dark: boolean,
 *   rowName: (i: number) => string, columnName: (j: number) => string}} what */
export function showMatrix(matrix, what) {
  const wider = matrix.what?.columns !== what.columns;
  matrix.what = what;
  if (wider) matrix.grid.setAttribute("aria-colcount", what.columns + 1);
  show(matrix);
}

function show(matrix) {
  const { title, rows, columns, values, limit, dark, rowName, columnName } = matrix.what;
  const first = firstColumn(matrix);
  const count = Math.min(columns - first, Math.ceil(matrix.room / matrix.column) + 2 * SPARE);
  const fit = (node, cells, skip, role) => {
    while (cells.length < count) cells.push(node.appendChild(cell(role, "rnn-number")));
    while (cells.length > count) cells.pop().remove();
    skip.style.width = `${first * matrix.column}px`;
    node.style.width = `calc(44px + ${columns * matrix.column}px)`;
  };
  const had = matrix.heads[0];
  fit(matrix.headRow, matrix.heads, matrix.headSkip, "columnheader");
  if (matrix.heads[0] !== had) matrix.observer.observe(matrix.heads[0]);
  matrix.heads.forEach((node, k) => setText(node, columnName(first + k)));
  matrix.heads.forEach((node, k) => node.setAttribute("aria-colindex", first + k + 2));
  matrix.first = first;
  showRows(matrix, title, rows, (item, i) => {
    fit(item.node, item.values, item.skip, "cell");
    setText(item.head, rowName(i));
    item.values.forEach((node, k) => {
      paint(node, values[i * columns + first + k], limit, dark, slight);
      node.setAttribute("aria-colindex", first + k + 2);
    });
  });
}
