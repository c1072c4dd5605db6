/**
 * The card of the sums: what the current step adds to the gradient of a parameter, a column times a row, and the sum that
 * it goes into.
 */

import { sumsFrom } from "../engine/bptt.js";
import { PARAMETERS, shapes } from "../engine/flat.js";
import { visible } from "../model/format.js";
import { colour, drawPixels, extent } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { d, formula, math, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";

const FLIGHT = 300; // ms
const OUTPUT = ["Why", "by"]; // they grow at the fourth move, the others at the fifth

/** The sums as far as the walk has come: of step t, too, once its move is there. */
export function keepSums() {
  const kept = keep();
  return ({ t, move, params, trace, grads }) => {
    const [now, before] = kept(() => [t, t + 1].map((from) => sumsFrom(params, trace, grads, from)), grads, t);
    const has = (name) => move >= (OUTPUT.includes(name) ? 3 : 4);
    return { from: (name) => t + (has(name) ? 0 : 1), of: (name) => (has(name) ? now : before)[name] };
  };
}

/** The column and the row whose product step t adds to the gradient of a parameter. */
function factorsOf(name, { V, H, t, x, trace, grads }) {
  const of = (array, size, i) => array.subarray(i * size, (i + 1) * size);
  const row = OUTPUT.includes(name) ? of(grads.do, V, t) : of(grads.da, H, t);
  if (name === "Whh") return [t ? of(trace.h, H, t - 1) : trace.h0, row];
  if (name === "Wxh") return [Float64Array.from({ length: V }, (_, i) => Number(i === x[t])), row];
  return [name === "Why" ? of(trace.h, H, t) : Float64Array.of(1), row];
}

const SYMBOLS = {
  Wxh: [() => transposed("x", "t"), () => d("a", "t")],
  Whh: [() => transposed("h", "t", "−", math("mn", "1")), () => d("a", "t")],
  Why: [() => transposed("h", "t"), () => d("o", "t")],
  bh: [() => math("mn", "1"), () => d("a", "t")],
  by: [() => math("mn", "1"), () => d("o", "t")],
};

function canvasOf(name) {
  const node = make("canvas", { className: `rnn-${name}` });
  node.setAttribute("aria-hidden", "true"); // the table of the sums has its numbers
  return node;
}

/** Let the tile fly onto the matrix that it has gone into; what is shown does not wait for it. */
function fly(tile, matrix) {
  if (!tile.animate || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const [from, to] = [tile, matrix].map((node) => node.getBoundingClientRect());
  if (!from.width || !to.width) return;
  const move = `translate(${to.left - from.left}px, ${to.top - from.top}px) scale(${to.width / from.width}, ${to.height / from.height})`;
  tile.animate([{ transform: "none" }, { transform: move, opacity: 0.4 }], { duration: FLIGHT, easing: "ease-in-out" });
}

/** The gradients of all parameters as small images; one is chosen. */
function buildChoice({ words, change }) {
  const tabs = PARAMETERS.map((name) => {
    const canvas = canvasOf("thumb");
    const button = make("button", { type: "button", className: "rnn-sum-tab" },
      make("span", { className: "rnn-sum-tab-name" }, `d${name}`), canvas);
    button.addEventListener("click", () => change({ parameter: name }));
    return { name, button, canvas, kept: keep() };
  });
  const node = make("div", { className: "rnn-sum-tabs", role: "group" }, ...tabs.map(({ button }) => button));
  node.setAttribute("aria-label", words("back_sums"));
  return {
    node,
    draw(sums, { V, H, grads, parameter, dark }) {
      for (const { name, button, canvas, kept } of tabs) {
        const values = sums.of(name);
        const [columns, rows = 1] = shapes(V, H)[name].reverse();
        kept(() => paintCells(canvas, values, rows, columns, extent(grads[name]), dark), values, dark);
        canvas.style.aspectRatio = `${columns} / ${rows}`;
        button.setAttribute("aria-pressed", String(name === parameter));
      }
    },
  };
}

function paintCells(canvas, values, rows, columns, limit, dark) {
  drawPixels(canvas, rows, columns, (i, j) => colour(values[i * columns + j], limit, dark).bytes);
}

/** The card: a column times a row is a tile, and the tiles of all steps walked through are the sum. */
export function buildSums(given) {
  const { words } = given;
  const choice = buildChoice(given);
  const [column, row, tile, matrix] = ["sum-column", "sum-row", "sum-tile", "sum-matrix"].map(canvasOf);
  const [left, top] = [make("span", { className: "rnn-sum-left" }), make("span", { className: "rnn-sum-top" })];
  const title = make("p", { className: "rnn-sum-title", role: "status" });
  const product = make("div", { className: "rnn-sum-product" }, left, top, column, row, tile);
  const node = make("div", { className: "rnn-card-sums" }, choice.node,
    make("div", { className: "rnn-sum-stage" }, product, make("span", { className: "rnn-term-sign" }, "→"), matrix), title);
  const [kept, named] = [keep(), keep()];
  let shown; // the sum that was drawn last
  return {
    node,
    draw(state) {
      const { grads, parameter: name, dark, sums } = state;
      const [down, across] = factorsOf(name, state);
      const limit = extent(grads[name]);
      const [from, values] = [sums.from(name), sums.of(name)];
      kept(() => {
        paintCells(column, down, down.length, 1, extent(down), dark);
        paintCells(row, across, 1, across.length, extent(across), dark);
        drawPixels(tile, down.length, across.length, (i, j) => colour(down[i] * across[j], limit, dark).bytes);
        paintCells(matrix, values, down.length, across.length, limit, dark);
      }, grads, state.t, values, name, dark);
      named(() => [left, top].forEach((part, i) => part.replaceChildren(formula(SYMBOLS[name][i]()))), name);
      choice.draw(sums, state);
      product.classList.toggle("rnn-later", from > state.t);
      setText(title, sumShown(from + 1, state, words).title);
      if (shown?.grads === grads && shown.name === name && from === shown.from - 1) fly(tile, matrix);
      shown = { grads, name, from };
    },
  };
}

/** The table of the chosen gradient, as far as it is summed. */
export function buildSumNumbers({ words }) {
  const matrix = buildMatrix("sums", words("back_row"));
  return {
    node: matrix.node,
    draw(state) {
      const { sums, parameter, grads, dark } = state;
      const values = sums.of(parameter);
      showMatrix(matrix, { ...sumShown(sums.from(parameter) + 1, state, words), values, limit: extent(grads[parameter]), dark });
    },
    dispose() {
      for (const { observer } of [matrix, matrix.rows]) observer.disconnect();
    },
  };
}

/** The title and the heads of the sum of the chosen gradient over the steps from `from`, which counts from 1, to the last. */
function sumShown(from, { V, H, T, parameter, vocab }, words) {
  const name = `d${parameter}`;
  const key = from > T ? "back_sum_none" : from === 1 ? "back_sum_all" : from === T ? "back_sum_one" : "back_sum";
  const [columns, rows = 1] = shapes(V, H)[parameter].reverse();
  const [columnName, rowName = () => name] = shapes((i) => visible(vocab[i]), (j) => String(j + 1))[parameter].reverse();
  return { title: words(key, { name, t: from, T }), rows, columns, rowName, columnName };
}
