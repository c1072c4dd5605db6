/**
 * Which loss moves which step: the matrix of contributions, one cell of it with its factors, and what a truncation cuts.
 */

import { backward, cosine, path } from "../engine/bptt.js";
import { LIMITS } from "../model/limits.js";
import { number, percent, slight } from "../model/format.js";
import { lengths } from "../model/river.js";
import { cutBytes, drawPixels, extent, ramp, shade } from "../ui/colour.js";
import { keep, make, setText, svg } from "../ui/dom.js";
import { slider } from "../ui/fields.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { cell, row, showRows, table } from "../ui/table.js";
import { buildTriangle } from "../ui/triangle.js";
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

/** What the truncation leaves: the gradients, the contributions, the length of each da, and how it lies to the full
 * gradient, all parameters together. */
export function afterCut({ H, T, params, trace, y, reduction, grads, matrix, truncate }) {
  const cutting = truncate < T;
  const kept = cutting ? backward(params, trace, y, reduction, truncate) : grads;
  const norms = lengths(kept.da, H);
  const all = ({ Wxh, Whh, Why, bh, by }) => Math.hypot(...[Wxh, Whh, Why, bh, by].map((array) => lengthOf(array)));
  return {
    norms, matrix: cutting ? matrix.map((value, i) => (Math.floor(i / T) - (i % T) < truncate ? value : 0)) : matrix,
    most: Math.max(0, ...matrix, ...lengths(grads.da, H)), longest: Math.max(...norms), length: all(kept) / (all(grads) || 1),
    whole: cosine(kept, grads), Whh: cosine(kept, grads, ["Whh"]), share: lengthOf(kept.Whh) / (lengthOf(grads.Whh) || 1),
  };
}

/** A handle on the stair between what is kept and what is cut. A press on it that does not draw it chooses the cell there. */
function buildStair({ change, shown }, square, pick) {
  const line = svg("path", { class: "rnn-stair-line" });
  const node = svg("svg", { class: "rnn-stair", preserveAspectRatio: "none", "aria-hidden": "true" }, line);
  const grip = make("span", { className: "rnn-stair-grip", "aria-hidden": "true" }, "✂");
  let pressed = null;
  grip.addEventListener("pointerdown", (event) => {
    if (event.button || !shown()) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    pressed = { x: event.clientX, y: event.clientY, truncate: Math.min(shown().truncate, shown().T), drawn: false };
  });
  grip.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!pressed) return;
    const { T } = shown();
    const { width } = square.getBoundingClientRect();
    const by = Math.round(((clientY - pressed.y - clientX + pressed.x) * T) / width);
    pressed.drawn ||= Math.hypot(clientX - pressed.x, clientY - pressed.y) > 3;
    const k = Math.max(1, pressed.truncate + by);
    if (pressed.drawn) change({ truncate: k < T ? k : LIMITS.steps });
  });
  grip.addEventListener("pointerup", (event) => {
    if (pressed && !pressed.drawn) pick(event);
    pressed = null;
  });
  grip.addEventListener("pointercancel", () => (pressed = null));
  return {
    nodes: [node, grip],
    draw({ T, truncate }) {
      const k = Math.min(truncate, T);
      node.setAttribute("viewBox", `0 0 ${T} ${T}`);
      line.setAttribute("d", `M0 ${k}${Array.from({ length: T - k }, (_, i) => `H${i + 1}V${k + i + 1}`).join("")}`);
      node.toggleAttribute("hidden", k === T);
      const middle = (T - k) / 2;
      Object.assign(grip.style, { left: `${(100 * middle) / T}%`, top: `${(100 * (k + middle)) / T}%` });
    },
  };
}

/** The matrix as an image in which a press chooses a cell, and below it the length of each da. */
function buildPicture(given) {
  const { words, change, shown } = given;
  const total = make("canvas", { className: "rnn-total-cells" });
  total.setAttribute("aria-hidden", "true"); // the sliders and tables say the same
  const triangle = buildTriangle(words, make("div", { className: "rnn-total" }, total));
  const { node, square, canvas } = triangle;
  const [chosen, column] = ["chosen", "current"].map((name) => make("span", { className: `rnn-mark rnn-mark-${name}` }));
  const pickCell = ({ clientX, clientY }) => {
    if (!shown()) return;
    const box = canvas.getBoundingClientRect();
    const { T } = shown();
    const at = (offset, size) => Math.max(0, Math.min(T - 1, Math.floor((T * offset) / size)));
    const loss_t = at(clientY - box.top, box.height);
    change({ loss_t, s: Math.min(at(clientX - box.left, box.width), loss_t) });
  };
  const stair = buildStair(given, square, pickCell);
  square.append(column, chosen, ...stair.nodes);
  canvas.addEventListener("click", pickCell);
  canvas.addEventListener("pointermove", (event) => event.pointerType === "mouse" && event.buttons === 1 && pickCell(event));
  const kept = keep();
  return {
    node,
    draw(state) {
      kept(() => drawCells(triangle, total, state), state.after, state.dark);
      drawMarks({ chosen, column }, state);
      stair.draw(state);
    },
  };
}

function drawCells(triangle, total, { T, matrix, truncate, dark, after: { most, norms } }) {
  const bytes = (value) => shade(place(value, most), "length", dark).bytes; // one scale for both
  triangle.draw(T, (i, j) => (i - j >= truncate ? cutBytes(dark) : bytes(matrix[i * T + j])));
  drawPixels(total, 1, T, (_, j) => bytes(norms[j]));
}

/** The frames around the chosen cell and the column of step t. */
function drawMarks({ chosen, column }, { T, t, loss_t, s }) {
  const percentOf = (share) => `${(100 * share).toFixed(3)}%`;
  Object.assign(chosen.style, { left: percentOf(s / T), top: percentOf(loss_t / T), width: percentOf(1 / T), height: percentOf(1 / T) });
  Object.assign(column.style, { left: percentOf(t / T), top: percentOf(t / T), width: percentOf(1 / T), height: percentOf(1 - t / T) });
}

/** The full gradient and the one after the cut as two arrows with their true angle and lengths. */
function buildArrows({ words }) {
  const arrow = (name) => svg("path", { class: `rnn-arrow rnn-arrow-${name}` });
  const label = (name) => svg("text", { class: "rnn-arrow-name" }, words(name));
  const [full, kept] = [arrow("full"), arrow("cut")];
  const names = [label("back_arrow_full"), label("back_arrow_cut")];
  const drawing = svg("svg", { class: "rnn-arrows", "aria-hidden": "true" }, full, kept, ...names);
  const said = make("p", { className: "rnn-angle", role: "status" });
  const pathOf = (length, angle) => {
    const [x, y] = [length * Math.cos(angle), -length * Math.sin(angle)];
    const barb = (turn) => [x - 8 * Math.cos(angle + turn), y + 8 * Math.sin(angle + turn)].map((v) => v.toFixed(1)).join(" ");
    return `M0 0L${x.toFixed(1)} ${y.toFixed(1)}M${barb(0.45)}L${x.toFixed(1)} ${y.toFixed(1)}L${barb(-0.45)}`;
  };
  return {
    node: make("div", { className: "rnn-arrows-frame" }, drawing, said),
    draw({ T, truncate, after: cut }) {
      const none = Number.isNaN(cut.whole);
      const angle = none ? 0 : Math.acos(cut.whole);
      const back = cut.whole < 0; // the cut gradient points to the other side
      const unit = (back ? 84 : 170) / Math.max(1, cut.length);
      drawing.setAttribute("viewBox", `${back ? -110 : -12} -72 220 90`);
      const cutting = truncate < T;
      full.setAttribute("d", pathOf(unit, 0));
      kept.setAttribute("d", pathOf(unit * cut.length, angle));
      kept.toggleAttribute("hidden", !cutting || none);
      names[1].toggleAttribute("hidden", !cutting || none);
      const ends = [[unit, 0, 14], [unit * cut.length, angle, -6]];
      names.forEach((name, i) => {
        const [length, turn, by] = ends[i];
        name.setAttribute("x", Math.max(-84, length * Math.cos(turn)).toFixed(1));
        name.setAttribute("y", (by - length * Math.sin(turn)).toFixed(1));
      });
      setText(said, cutting && !none
        ? words("back_angle", { angle: number((180 * angle) / Math.PI, 1), length: percent(cut.length) })
        : words(!cutting ? "back_angle_full" : "back_no_angle"));
    },
  };
}

/** The card: the matrix with its stair, its three sliders, the chosen cell in numbers, and the two arrows. */
export function buildShares(given) {
  const { words, model, change } = given;
  const [picture, arrows] = [buildPicture(given), buildArrows(given)];
  const [from, to, reach] = [slider(words, "back_loss_t", 0, 1), slider(words, "back_s", 0, 1), slider(words, "back_truncate", 1, 2)];
  from.control.addEventListener("input", ({ target }) => {
    const loss_t = Number(target.value);
    change({ loss_t, s: Math.min(model.get("s"), loss_t) });
  });
  to.control.addEventListener("input", ({ target }) => change({ s: Number(target.value) }));
  reach.control.addEventListener("input", ({ target }) => change({ truncate: Number(target.value) }));
  const said = make("p", { className: "rnn-share", role: "status" });
  const product = make("p", { className: "rnn-product" });
  const node = make("div", { className: "rnn-card-shares" }, picture.node,
    make("div", { className: "rnn-reaches" }, from.node, to.node, reach.node), make("div", { className: "rnn-one-cell" }, product, said), arrows.node);
  return {
    node,
    draw(state) {
      const { T, truncate: k, loss_t, s, way } = state;
      picture.draw(state);
      arrows.draw(state);
      from.show(loss_t, words("of", { t: loss_t + 1, T }), T - 1);
      to.show(s, words("of", { t: s + 1, T: loss_t + 1 }), loss_t);
      reach.show(Math.min(k, T), words(k < T ? "back_cut" : "back_uncut", { k, T }), T);
      const { lengths: reached, slope } = factorsOf(way, state, words);
      const factors = reached.slice(0, slope + 1).map((length, i) => slight(i ? length / (reached[i - 1] || 1) : length));
      const some = factors.length > 7 ? [...factors.slice(0, 3), "…", ...factors.slice(-3)] : factors;
      setText(product, `${some.join(" × ")} = ${slight(reached[slope])}`);
      setText(said, words("back_share", {
        t: loss_t + 1, s: s + 1, length: slight(reached[slope]), share: percent(reached[slope] / (reached[0] || 1)),
      }));
    },
  };
}

/** What is said of the matrix as a whole: the cut, the length that arrives at step s, the scale. */
export function buildNotes({ words }) {
  const [lost, axis, dashed] = ["rnn-lost", "rnn-axis", "rnn-scale"].map((className) => make("p", { className }));
  const scale = make("span", { className: "rnn-ramp" });
  const [low, high] = [make("span"), make("span")];
  const legend = make("p", { className: "rnn-scale" }, `${words("back_scale")} `, low, " ", scale, " ", high);
  const angle = (value) => (Number.isNaN(value) ? words("back_no_angle") : number(value, 4));
  return {
    node: make("section", { className: "rnn-panel rnn-map" },
      make("div", { className: "rnn-title" }, words("back_matrix")), lost, axis, dashed, legend),
    draw({ T, t, s, truncate: k, dark, after: cut }) {
      setText(lost, k < T
        ? words("back_cosine", { k, whole: angle(cut.whole), Whh: angle(cut.Whh), share: percent(cut.share) })
        : words(T > 1 ? "back_full" : "back_one_step"));
      setText(axis, words(k < T ? "back_total_cut" : "back_total", { s: s + 1, length: slight(cut.norms[s]), most: slight(cut.longest) }));
      setText(dashed, words("back_dashed", { t: t + 1 }));
      scale.style.background = ramp(dark, "length");
      setText(low, slight(cut.most * 10 ** -DECADES));
      setText(high, slight(cut.most));
    },
  };
}

/** What the loss of step loss_t goes through on its way to step s, and its lengths on the way. */
export function keepWay() {
  const kept = keep();
  return ({ params, trace, y, loss_t, s, reduction, grads }) => kept(() => path(params, trace, y, loss_t, s, reduction), grads, loss_t, s);
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

/** The factors of the chosen cell, and the numbers of one of them. */
export function buildCell({ words, change }) {
  let factor = 0; // the one whose numbers are shown
  const choose = (i) => {
    factor = i;
    change({});
  };
  const factors = buildFactors({ words, choose, factor: () => factor });
  const numbers = buildMatrix("factor", words("back_row"));
  const node = make("section", { className: "rnn-panel rnn-chain" },
    make("div", { className: "rnn-title" }, words("back_cell")), factors.node, numbers.node);
  return {
    node,
    draw(state) {
      const { H, way, dark } = state;
      const found = factorsOf(way, state, words);
      factor = Math.min(factor, found.lengths.length - 1);
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
