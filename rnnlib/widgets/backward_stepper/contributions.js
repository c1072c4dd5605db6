/**
 * Which loss moves which step: the matrix of contributions, one cell of it with its factors, and what a truncation cuts.
 */

import { backward, cosine, path } from "../engine/bptt.js";
import { number, percent, slight } from "../model/format.js";
import { colour, drawPixels, extent, ramp } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { slider } from "../ui/fields.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { cell, row, showRows, table } from "../ui/table.js";
import { arrowKeys } from "../ui/virtual_list.js";

const DECADES = 3; // below a thousandth of the largest, all cells look alike

const CUT = { light: [196, 196, 196], dark: [82, 82, 82] };

export function lengthOf(array, start = 0, end = array.length) {
  let sum = 0;
  for (let i = start; i < end; i++) sum += array[i] * array[i];
  return Math.sqrt(sum);
}

/** The place of a length on the logarithmic scale, from 0 to 1. */
function shade(value, most) {
  return value > 0 ? Math.max(0, 1 + Math.log10(value / most) / DECADES) : 0;
}

/** The matrix, what it adds up to, and the cut. */
function buildMap({ words, change, state }) {
  const canvas = make("canvas", { className: "rnn-square-cells" });
  const total = make("canvas", { className: "rnn-total-cells" });
  const [chosen, column, edge] = ["chosen", "current", "edge"].map((name) => make("span", { className: `rnn-mark rnn-mark-${name}` }));
  for (const node of [canvas, total]) node.setAttribute("aria-hidden", "true"); // told in the lines and tables beside it
  const square = make("div", { className: "rnn-square" }, canvas, column, chosen);
  const cut = slider(words, "back_truncate", 1, 2);
  cut.node.classList.add("rnn-control-cut");
  const axis = make("span", { className: "rnn-axis" });
  const picture = make("div", { className: "rnn-square-frame" },
    make("span", { className: "rnn-axis", "aria-hidden": "true" }, words("back_axis_t")), square,
    axis,
    make("div", { className: "rnn-total" }, total, edge),
    make("span", { className: "rnn-axis", "aria-hidden": "true" }, words("back_axis_s")));
  const scale = make("span", { className: "rnn-ramp" });
  const [low, high] = [make("span"), make("span")];
  const legend = make("p", { className: "rnn-scale" }, `${words("back_scale")} `, low, " ", scale, " ", high);
  const title = make("div", { className: "rnn-title" }, words("back_matrix"));
  const lost = make("p", { className: "rnn-lost", role: "status" });
  const dashed = make("p", { className: "rnn-scale" });
  const map = make("section", { className: "rnn-panel rnn-map" }, title, picture, cut.node, lost, dashed, legend);

  const [keptMap, keptPicture] = [keep(), keep()];
  const pickCell = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const at = (offset, size) => Math.max(0, Math.min(state().T - 1, Math.floor((state().T * offset) / size)));
    const loss_t = at(clientY - box.top, box.height);
    change({ loss_t, s: Math.min(at(clientX - box.left, box.width), loss_t) });
  };
  canvas.addEventListener("click", pickCell);
  canvas.addEventListener("pointermove", (event) => event.pointerType === "mouse" && event.buttons === 1 && pickCell(event));
  cut.control.addEventListener("input", ({ target }) => change({ truncate: Number(target.value) }));
  return { node: map, observers: [], draw: drawMap };

  function drawMap({ T, H, t, params, trace, y, reduction, grads, matrix, truncate, loss_t, s }, dark) {
    const cutting = truncate < T;
    const { kept, most, received, mostReceived, cosines } = keptMap(() => {
      const kept = cutting ? backward(params, trace, y, reduction, truncate) : grads;
      const received = Array.from({ length: T }, (_, i) => lengthOf(kept.da, i * H, (i + 1) * H));
      const [whole, Whh] = [cosine(kept, grads), cosine(kept, grads, ["Whh"])].map((value) => (
        Number.isNaN(value) ? words("back_no_angle") : number(value, 4)));
      return { kept, most: Math.max(0, ...matrix), received, mostReceived: Math.max(...received), cosines: { whole, Whh } };
    }, grads, Math.min(truncate, T));
    keptPicture(() => {
      const grey = CUT[dark ? "dark" : "light"];
      drawPixels(canvas, T, T, (i, j) => {
        if (j > i) return null;
        return i - j >= truncate ? grey : colour(shade(matrix[i * T + j], most), 1, dark).bytes;
      });
      drawPixels(total, 1, T, (_, j) => colour(received[j], mostReceived || 1, dark).bytes);
    }, kept, matrix, dark);

    const percentOf = (share) => `${(100 * share).toFixed(3)}%`;
    Object.assign(chosen.style, { left: percentOf(s / T), top: percentOf(loss_t / T), width: percentOf(1 / T), height: percentOf(1 / T) });
    Object.assign(column.style, { left: percentOf(t / T), top: percentOf(t / T), width: percentOf(1 / T), height: percentOf(1 - t / T) });
    setText(dashed, words("back_dashed", { t: t + 1 }));
    setText(axis, words(cutting ? "back_total_cut" : "back_total", { s: s + 1, length: slight(received[s]), most: slight(mostReceived) }));
    edge.hidden = !cutting;
    edge.style.left = percentOf((T - truncate) / T);
    cut.show(Math.min(truncate, T), words(cutting ? "back_cut" : "back_uncut", { k: truncate, T }), T);
    setText(lost, cutting
      ? words("back_cosine", {
        k: truncate, ...cosines, share: percent(lengthOf(kept.Whh) / (lengthOf(grads.Whh) || 1)),
      })
      : words(T > 1 ? "back_full" : "back_one_step"));
    scale.style.background = ramp(dark, true);
    setText(low, slight(most * 10 ** -DECADES));
    setText(high, slight(most));
  }
}

/** One cell of the matrix: the factors it is a product of, and the numbers of one of them. */
function buildCell({ words, model, change }) {
  const [from, to] = [slider(words, "back_loss_t", 0, 1), slider(words, "back_s", 0, 1)];
  const share = make("p", { className: "rnn-share", role: "status" });
  const factors = table("factors", [
    [words("back_factor"), "rnn-col-factor"], [words("back_length"), "rnn-number"], [words("back_ratio"), "rnn-number"],
  ], () => {
    const pick = make("button", { type: "button", className: "rnn-pick" });
    const [reached, ratio] = [cell("cell", "rnn-plain"), cell("cell", "rnn-plain")];
    return { node: row(cell("rowheader", "rnn-col-factor", pick), reached, ratio), pick, reached, ratio };
  });
  // In pieces, so that a narrow page can break the line.
  const slope = (step) => ["(", "1", "−", math("msubsup", "h", step, "2"), ")"];
  factors.node.insertBefore(make("div", { className: "rnn-formula rnn-equations" },
    formula(math("mfrac", math("mrow", "∂", sub("L", "t")), math("mrow", "∂", sub("a", "s"))), "="),
    formula(d("o", "t"), transposed("W", "h", "y")),
    formula(math("munder", math("mo", "∏"), math("mrow", "r", "=", "t", "…", "s", "+", "1")),
      "diag", ...slope("r"), transposed("W", "h", "h")),
    formula("⊙", ...slope("s"))), factors.scroller);
  const numbers = buildMatrix("factor", words("back_row"));
  const chain = make("section", { className: "rnn-panel rnn-chain" },
    make("div", { className: "rnn-title" }, words("back_cell")), from.node, to.node, share, factors.node, numbers.node);

  const keptPath = keep();
  let factor = 0;
  const choose = (i) => {
    factor = i;
    change({});
  };
  from.control.addEventListener("input", ({ target }) => {
    const loss_t = Number(target.value);
    change({ loss_t, s: Math.min(model.get("s"), loss_t) });
  });
  to.control.addEventListener("input", ({ target }) => change({ s: Number(target.value) }));
  factors.body.addEventListener("click", ({ target }) => {
    const item = factors.rows.all.find(({ node }) => node.contains(target));
    if (item) choose(item.index);
  });
  factors.body.addEventListener("keydown", arrowKeys(
    factors.rows, "ArrowDown", "ArrowUp", () => [factor, factors.count], choose, ({ pick }) => pick));

  return { node: chain, observers: [factors.rows.observer, numbers.rows.observer, numbers.observer], draw: drawCell };

  function drawCell({ H, T, params, trace, y, reduction, grads, loss_t, s }, dark) {
    from.show(loss_t, words("of", { t: loss_t + 1, T }), T - 1);
    to.show(s, words("of", { t: s + 1, T: loss_t + 1 }), loss_t);
    const way = keptPath(() => path(params, trace, y, loss_t, s, reduction), grads, loss_t, s);
    const steps = way.along.length; // the error, then one for each jacobian
    const lengths = [...way.along.map((vector) => lengthOf(vector)), lengthOf(way.share)];
    lengths.push(lengthOf(way.state) * lengths.at(-1));
    factors.count = lengths.length;
    factor = Math.min(factor, factors.count - 1);
    const name = (i) => {
      if (i === 0) return words("back_factor_error", { t: loss_t + 1 });
      if (i < steps) return words("back_factor_jacobian", { r: loss_t - i + 2 });
      return i === steps ? words("back_factor_slope", { s: s + 1 }) : words("back_factor_state", { s });
    };
    setText(share, words("back_share", {
      t: loss_t + 1, s: s + 1, length: slight(lengths[steps]), share: percent(lengths[steps] / (lengths[0] || 1)),
    }));
    showRows(factors, words("back_factors", { t: loss_t + 1, s: s + 1 }), factors.count, (item, i, stop) => {
      setText(item.pick, name(i));
      item.pick.setAttribute("aria-pressed", String(i === factor));
      item.pick.tabIndex = stop ? 0 : -1;
      item.node.classList.toggle("rnn-selected", i === factor);
      setText(item.reached, slight(lengths[i]).padStart(7));
      setText(item.ratio, (i ? slight(lengths[i] / (lengths[i - 1] || 1)) : "").padStart(7));
    }, factor);

    const unit = (i) => String(i + 1);
    const [vector, symbol] = factor === 0 ? [way.error, "dh"] : factor === steps ? [way.slope, "1−h²"] : [way.state, "h"];
    const jacobian = factor > 0 && factor < steps;
    const values = jacobian ? way.jacobians[factor - 1] : vector;
    showMatrix(numbers, {
      title: words(jacobian ? "back_jacobian" : "back_vector", { name: name(factor) }), rows: jacobian ? H : 1, columns: H, values,
      limit: extent(values), dark, rowName: jacobian ? unit : () => symbol, columnName: unit,
    });
  }
}

export function buildContributions(parts) {
  const all = [buildMap(parts), buildCell(parts)];
  return {
    nodes: all.map(({ node }) => node),
    observers: all.flatMap(({ observers }) => observers),
    draw: (state, dark) => all.forEach((part) => part.draw(state, dark)),
  };
}
