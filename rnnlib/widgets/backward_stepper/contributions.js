/**
 * Which loss moves which step: the matrix of contributions, one cell of it with its factors, and what a truncation cuts.
 */

import { backward, cosine, path } from "../engine/bptt.js";
import { number, percent, slight } from "../model/format.js";
import { cutBytes, drawPixels, extent, ramp, shade } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { slider } from "../ui/fields.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { cell, row, showRows, table } from "../ui/table.js";
import { arrowKeys } from "../ui/virtual_list.js";

const DECADES = 3; // of the scale: all cells below a thousandth of the largest look alike

/** The length of array[start:end] as a vector. */
export function lengthOf(array, start = 0, end = array.length) {
  let sum = 0;
  for (let i = start; i < end; i++) sum += array[i] * array[i];
  return Math.sqrt(sum);
}

/** The place of a length on the logarithmic scale, from 0 to 1. */
function place(value, most) {
  return value > 0 ? Math.max(0, 1 + Math.log10(value / most) / DECADES) : 0;
}

/** The matrix as an image in which a press chooses a cell, and below it the length of each da. */
function buildPicture({ words, change, shown }) {
  const [canvas, total] = ["square", "total"].map((name) => {
    const node = make("canvas", { className: `rnn-${name}-cells` });
    node.setAttribute("aria-hidden", "true"); // the lines and tables next to it say the same
    return node;
  });
  const [chosen, column, edge] = ["chosen", "current", "edge"].map((name) => make("span", { className: `rnn-mark rnn-mark-${name}` }));
  const square = make("div", { className: "rnn-square" }, canvas, column, chosen);
  const axis = make("span", { className: "rnn-axis" });
  const node = make("div", { className: "rnn-square-frame" },
    make("span", { className: "rnn-axis", "aria-hidden": "true" }, words("back_axis_t")), square,
    axis,
    make("div", { className: "rnn-total" }, total, edge),
    make("span", { className: "rnn-axis", "aria-hidden": "true" }, words("back_axis_s")));
  const pickCell = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const { T } = shown();
    const at = (offset, size) => Math.max(0, Math.min(T - 1, Math.floor((T * offset) / size)));
    const loss_t = at(clientY - box.top, box.height);
    change({ loss_t, s: Math.min(at(clientX - box.left, box.width), loss_t) });
  };
  canvas.addEventListener("click", pickCell);
  canvas.addEventListener("pointermove", (event) => event.pointerType === "mouse" && event.buttons === 1 && pickCell(event));
  const kept = keep();
  return {
    node,
    draw(state, after) {
      kept(() => drawCells({ canvas, total }, state, after), after, state.matrix, state.dark);
      drawMarks({ chosen, column, edge }, state);
      const { s, truncate, T } = state;
      const values = { s: s + 1, length: slight(after.lengths[s]), most: slight(after.longest) };
      setText(axis, words(truncate < T ? "back_total_cut" : "back_total", values));
    },
  };
}

function drawCells({ canvas, total }, { T, matrix, truncate, dark }, { most, lengths }) {
  const lengthBytes = (value) => shade(place(value, most), "length", dark).bytes;
  drawPixels(canvas, T, T, (i, j) => {
    if (j > i) return null;
    return i - j >= truncate ? cutBytes(dark) : lengthBytes(matrix[i * T + j]);
  });
  drawPixels(total, 1, T, (_, j) => lengthBytes(lengths[j]));
}

/** The frames around the chosen cell and the column of step t, and the edge of the cut. */
function drawMarks({ chosen, column, edge }, { T, t, truncate, loss_t, s }) {
  const percentOf = (share) => `${(100 * share).toFixed(3)}%`;
  Object.assign(chosen.style, { left: percentOf(s / T), top: percentOf(loss_t / T), width: percentOf(1 / T), height: percentOf(1 / T) });
  Object.assign(column.style, { left: percentOf(t / T), top: percentOf(t / T), width: percentOf(1 / T), height: percentOf(1 - t / T) });
  edge.hidden = truncate >= T;
  edge.style.left = percentOf((T - truncate) / T);
}

/** What the truncation leaves: the gradients, the length of each da, and the cosines to the full gradient. */
function afterCut({ H, T, params, trace, y, reduction, grads, matrix, truncate }) {
  const kept = truncate < T ? backward(params, trace, y, reduction, truncate) : grads;
  const lengthsOf = ({ da }) => Array.from({ length: T }, (_, i) => lengthOf(da, i * H, (i + 1) * H));
  const lengths = lengthsOf(kept);
  return {
    most: Math.max(0, ...matrix, ...lengthsOf(grads)), lengths, longest: Math.max(...lengths),
    whole: cosine(kept, grads), Whh: cosine(kept, grads, ["Whh"]), share: lengthOf(kept.Whh) / (lengthOf(grads.Whh) || 1),
  };
}

/** The matrix with its cut: how far back each loss reaches, and what that leaves of the gradient. */
export function buildMap({ words, change, shown }) {
  const picture = buildPicture({ words, change, shown });
  const cut = slider(words, "back_truncate", 1, 2);
  cut.node.classList.add("rnn-control-cut");
  cut.control.addEventListener("input", ({ target }) => change({ truncate: Number(target.value) }));
  const lost = make("p", { className: "rnn-lost", role: "status" });
  const dashed = make("p", { className: "rnn-scale" });
  const scale = make("span", { className: "rnn-ramp" });
  const [low, high] = [make("span"), make("span")];
  const legend = make("p", { className: "rnn-scale" }, `${words("back_scale")} `, low, " ", scale, " ", high);
  const node = make("section", { className: "rnn-panel rnn-map" },
    make("div", { className: "rnn-title" }, words("back_matrix")), picture.node, cut.node, lost, dashed, legend);
  const kept = keep();
  const angle = (value) => (Number.isNaN(value) ? words("back_no_angle") : number(value, 4));
  return {
    node,
    draw(state) {
      const { T, t, truncate: k, grads, dark } = state;
      const cutting = k < T;
      const after = kept(() => afterCut(state), grads, Math.min(k, T));
      picture.draw(state, after);
      cut.show(Math.min(k, T), words(cutting ? "back_cut" : "back_uncut", { k, T }), T);
      setText(lost, cutting
        ? words("back_cosine", { k, whole: angle(after.whole), Whh: angle(after.Whh), share: percent(after.share) })
        : words(T > 1 ? "back_full" : "back_one_step"));
      setText(dashed, words("back_dashed", { t: t + 1 }));
      scale.style.background = ramp(dark, "length");
      setText(low, slight(after.most * 10 ** -DECADES));
      setText(high, slight(after.most));
    },
  };
}

/** The factors of a cell: the error, one Jacobian for each step back, the slope of tanh, and the previous state.
 * @returns {{lengths: number[], slope: number, name: (i: number) => string, values: (i: number) => [Float64Array, string?]}}
 * lengths: of the product of the factors up to each one; slope: the index of the slope of tanh; values(i): the numbers of a
 * factor, and its symbol if it is a vector */
function factorsOf({ along, share, state, error, slope, jacobians }, { loss_t, s }, words) {
  const last = along.length; // index of the slope: `along` has the error and one product for each Jacobian
  const lengths = [...along, share].map((vector) => lengthOf(vector));
  lengths.push(lengthOf(state) * lengths[last]);
  return {
    lengths, slope: last,
    name(i) {
      if (i === 0) return words("back_factor_error", { t: loss_t + 1 });
      if (i < last) return words("back_factor_jacobian", { r: loss_t - i + 2 });
      return i === last ? words("back_factor_slope", { s: s + 1 }) : words("back_factor_state", { s });
    },
    values(i) {
      if (i === 0) return [error, "dh"];
      if (i < last) return [jacobians[i - 1]];
      return i === last ? [slope, "1−h²"] : [state, "h"];
    },
  };
}

/** The table of the factors; factor() gives the chosen one. */
function buildFactors({ words, choose, factor }) {
  const factors = table("factors", [
    [words("back_factor"), "rnn-col-factor"], [words("back_length"), "rnn-number"], [words("back_ratio"), "rnn-number"],
  ], () => {
    const pick = make("button", { type: "button", className: "rnn-pick" });
    const [reached, ratio] = [cell("cell", "rnn-plain"), cell("cell", "rnn-plain")];
    return { node: row(cell("rowheader", "rnn-col-factor", pick), reached, ratio), pick, reached, ratio };
  });
  const { node, body, rows, scroller } = factors;
  // In pieces, so that a narrow page can break the line.
  const slope = (step) => ["(", "1", "−", math("msubsup", "h", step, "2"), ")"];
  node.insertBefore(make("div", { className: "rnn-formula rnn-equations" },
    formula(math("mfrac", math("mrow", "∂", sub("L", "t")), math("mrow", "∂", sub("a", "s"))), "="),
    formula(d("o", "t"), transposed("W", "h", "y")),
    formula(math("munder", math("mo", "∏"), math("mrow", "r", "=", "t", "…", "s", "+", "1")),
      "diag", ...slope("r"), transposed("W", "h", "h")),
    formula("⊙", ...slope("s"))), scroller);
  body.addEventListener("click", ({ target }) => {
    const item = rows.all.find((each) => each.node.contains(target));
    if (item) choose(item.index);
  });
  body.addEventListener("keydown", arrowKeys(
    rows, "ArrowDown", "ArrowUp", () => [factor(), rows.n], choose, ({ pick }) => pick));
  return {
    node,
    draw({ lengths, name }, { loss_t, s }) {
      showRows(factors, words("back_factors", { t: loss_t + 1, s: s + 1 }), lengths.length, (item, i, stop) => {
        setText(item.pick, name(i));
        item.pick.setAttribute("aria-pressed", String(i === factor()));
        item.pick.tabIndex = stop ? 0 : -1;
        item.node.classList.toggle("rnn-selected", i === factor());
        setText(item.reached, slight(lengths[i]).padStart(7));
        setText(item.ratio, (i ? slight(lengths[i] / (lengths[i - 1] || 1)) : "").padStart(7));
      }, factor());
    },
    dispose: () => rows.observer.disconnect(),
  };
}

/** One cell of the matrix: the factors it is a product of, and the numbers of one of them. */
export function buildCell({ words, model, change }) {
  let factor = 0; // the one whose numbers are shown
  const choose = (i) => {
    factor = i;
    change({});
  };
  const [from, to] = [slider(words, "back_loss_t", 0, 1), slider(words, "back_s", 0, 1)];
  from.control.addEventListener("input", ({ target }) => {
    const loss_t = Number(target.value);
    change({ loss_t, s: Math.min(model.get("s"), loss_t) });
  });
  to.control.addEventListener("input", ({ target }) => change({ s: Number(target.value) }));
  const said = make("p", { className: "rnn-share", role: "status" });
  const factors = buildFactors({ words, choose, factor: () => factor });
  const numbers = buildMatrix("factor", words("back_row"));
  const node = make("section", { className: "rnn-panel rnn-chain" },
    make("div", { className: "rnn-title" }, words("back_cell")), from.node, to.node, said, factors.node, numbers.node);
  const kept = keep();
  return {
    node,
    draw(state) {
      const { H, T, params, trace, y, reduction, grads, loss_t, s, dark } = state;
      from.show(loss_t, words("of", { t: loss_t + 1, T }), T - 1);
      to.show(s, words("of", { t: s + 1, T: loss_t + 1 }), loss_t);
      const found = factorsOf(kept(() => path(params, trace, y, loss_t, s, reduction), grads, loss_t, s), state, words);
      const { lengths, slope } = found;
      factor = Math.min(factor, lengths.length - 1);
      setText(said, words("back_share", {
        t: loss_t + 1, s: s + 1, length: slight(lengths[slope]), share: percent(lengths[slope] / (lengths[0] || 1)),
      }));
      factors.draw(found, state);
      const [values, symbol] = found.values(factor);
      const unit = (i) => String(i + 1);
      showMatrix(numbers, {
        title: words(symbol ? "back_vector" : "back_jacobian", { name: found.name(factor) }), rows: symbol ? 1 : H, columns: H,
        values, limit: extent(values), dark, rowName: symbol ? () => symbol : unit, columnName: unit,
      });
    },
    dispose() {
      factors.dispose();
      for (const { observer } of [numbers, numbers.rows]) observer.disconnect();
    },
  };
}
