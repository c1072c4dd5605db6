/**
 * One step of the network from left to right: the previous state and the input, the weights into one unit, its sum and its
 * tanh, the new state, and the most probable characters.
 */

import { dotTerms } from "../engine/rnn.js";
import { number, percent, quoted, visible } from "../model/format.js";
import { colour, stripe } from "../ui/colour.js";
import { make, setText, svg } from "../ui/dom.js";
import { roving } from "../ui/keys.js";

const TOP = 5; // characters shown, the most probable first
const WIDEST = 3; // a in the plot, from -WIDEST to WIDEST

/** The places of the `most` largest numbers of array[start:end], the largest first, counted from start. */
function ranked(array, start, end, most) {
  const places = Array.from({ length: end - start }, (_, i) => i);
  return places.sort((i, j) => array[start + j] - array[start + i]).slice(0, most);
}

/** tanh with a dot for each unit. */
function buildPlot() {
  const curve = Array.from({ length: 61 }, (_, i) => (i / 30 - 1) * WIDEST)
    .map((a) => `${(100 * (a / WIDEST + 1) / 2).toFixed(1)} ${(50 - 45 * Math.tanh(a)).toFixed(1)}`).join("L");
  const dots = svg("path", { class: "rnn-cell-dots" });
  const here = svg("path", { class: "rnn-cell-here" });
  const node = svg("svg", { class: "rnn-cell-plot", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "rnn-gridline", d: "M0 50H100M50 0V100" }), svg("path", { class: "rnn-axes", d: `M${curve}` }), dots, here);
  return { node, dots, here };
}

const dot = (a) => {
  const x = 100 * (Math.max(-WIDEST, Math.min(WIDEST, a)) / WIDEST + 1) / 2;
  return `M${x.toFixed(1)} ${(50 - 45 * Math.tanh(a)).toFixed(1)}h0`;
};

/** A column of cells, one for each unit. */
function buildCells(kind, press) {
  const node = make("div", { className: `rnn-cell-column rnn-cell-${kind}` });
  const cells = [];
  const draw = (h, start, H, dark, chosen) => {
    while (cells.length < H) {
      const cell = press
        ? make("button", { type: "button", className: "rnn-cell-unit" })
        : make("span", { className: "rnn-cell-unit" });
      cells.push(node.appendChild(cell));
    }
    while (cells.length > H) cells.pop().remove();
    cells.forEach((cell, j) => {
      const { fill } = colour(h[start + j], 1, dark);
      if (cell.fill !== fill) cell.style.backgroundColor = cell.fill = fill;
      if (press) press(cell, j, j === chosen, h[start + j]);
    });
  };
  return { node, cells, draw };
}

/** The lines from the previous state and the input into the chosen unit: blue and orange are the signs of the weights. */
function drawLines(lines, { params, H, t, x }, unit) {
  const weights = [...Array.from({ length: H }, (_, k) => params.Whh[k * H + unit]), params.Wxh[x[t] * H + unit]];
  const most = weights.reduce((size, weight) => Math.max(size, Math.abs(weight)), 0) || 1;
  while (lines.childElementCount < H + 1) lines.append(svg("path", {}));
  while (lines.childElementCount > H + 1) lines.lastElementChild.remove();
  const to = (84 * (unit + 0.5)) / H;
  weights.forEach((weight, k) => {
    const from = k < H ? (84 * (k + 0.5)) / H : 94;
    const line = lines.children[k];
    line.setAttribute("d", `M0 ${from.toFixed(1)}C50 ${from.toFixed(1)} 50 ${to.toFixed(1)} 100 ${to.toFixed(1)}`);
    line.setAttribute("class", weight < 0 ? "rnn-cell-negative" : "rnn-cell-positive");
    line.style.strokeWidth = `${(0.4 + 3.6 * (Math.abs(weight) / most)).toFixed(2)}px`;
  });
}

export function buildCell({ words, change, shown }) {
  const choose = (unit) => change({ unit });
  const before = buildCells("before");
  const input = make("span", { className: "rnn-cell-input" });
  const lines = svg("svg", { class: "rnn-cell-lines", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  const after = buildCells("after", (cell, j, chosen, value) => {
    cell.dataset.unit = j;
    cell.setAttribute("aria-label", words("cell_unit", { j: j + 1, h: number(value) }));
    cell.setAttribute("aria-pressed", String(chosen));
    cell.tabIndex = chosen ? 0 : -1;
  });
  const plot = buildPlot();
  const sum = make("p", { className: "rnn-cell-sum" });
  const top = make("ol", { className: "rnn-cell-top" });
  const head = (key) => make("span", { className: "rnn-cell-head", "aria-hidden": "true" }, words(key));
  const part = (key, name, ...children) => make("div", { className: `rnn-cell-part rnn-cell-of-${name}` }, head(key), ...children);
  after.node.setAttribute("role", "group");
  after.node.setAttribute("aria-label", words("cell_state"));
  after.node.addEventListener("click", ({ target }) => target.dataset.unit && choose(Number(target.dataset.unit)));
  after.node.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType === "mouse" && target.dataset.unit) drawLines(lines, shown(), Number(target.dataset.unit));
  });
  after.node.addEventListener("pointerleave", () => shown() && drawLines(lines, shown(), shown().unit));
  roving(after.node, () => [shown()?.unit, shown()?.H], choose, (unit) => after.cells[unit]);
  const node = make("div", { className: "rnn-cell-view" },
    part("cell_before", "before", before.node, input), part("cell_weights", "lines", lines),
    part("cell_after", "after", after.node), part("cell_tanh", "tanh", plot.node), part("cell_top", "top", top), sum);
  return {
    node,
    draw(state) {
      const { t, H, V, unit, trace, x, y, vocab, dark, params } = state;
      before.draw(t ? trace.h : trace.h0, t ? (t - 1) * H : 0, H, dark);
      after.draw(trace.h, t * H, H, dark, unit);
      setText(input, visible(vocab[x[t]]));
      drawLines(lines, state, unit);
      const a = Array.from(trace.a.subarray(t * H, (t + 1) * H));
      plot.dots.setAttribute("d", a.map(dot).join(""));
      plot.here.setAttribute("d", dot(a[unit]));
      const terms = dotTerms(params, trace, t, unit);
      setText(sum, words("cell_sum", {
        j: unit + 1, x: quoted(vocab[x[t]]), input: number(terms.x), earlier: number(terms.h.reduce((all, one) => all + one, 0)),
        bias: number(terms.b), a: number(terms.sum), h: number(Math.tanh(terms.sum)),
      }));
      top.replaceChildren(...ranked(trace.yhat, t * V, (t + 1) * V, TOP).map((i) => {
        const p = trace.yhat[t * V + i];
        const bar = make("span", { className: "rnn-cell-bar" });
        bar.style.backgroundImage = stripe("var(--rnn-bar)", 0, p);
        const item = make("li", { className: i === y[t] ? "rnn-cell-target" : "" },
          make("span", { className: "rnn-cell-char" }, visible(vocab[i])), bar, make("span", {}, percent(p)));
        return item;
      }));
    },
  };
}
