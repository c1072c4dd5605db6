/**
 * The tables of BackwardStepper: the errors of the output, the gradients of the hidden units, and the sums over the steps.
 */

import { sumsFrom } from "../engine/bptt.js";
import { PARAMETERS, shapes } from "../engine/flat.js";
import { number, slight, visible } from "../model/format.js";
import { colour, drawPixels, extent, paint } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { cell, row, showRows, table } from "../ui/table.js";

const HIDDEN = "·"; // instead of a number that is not computed yet at this move

export const yhat = () => sub(math("mover", "y", "^"), "t");

/** Every character: its probability, the target, and the error of the step. */
export function buildErrors({ words }) {
  const errors = table("errors", [
    [words("character"), "rnn-col-char"],
    [words("head_yhat"), "rnn-number", formula(yhat())],
    [words("head_y"), "rnn-flag", formula(sub("y", "t"))],
    [words("back_head_do"), "rnn-number", formula(d("o", "t"))],
  ], () => {
    const head = cell("rowheader", "rnn-col-char rnn-char");
    const [p, y, error] = [cell("cell", "rnn-plain"), cell("cell", "rnn-flag"), cell("cell", "rnn-number")];
    return { node: row(head, p, y, error), head, p, y, error };
  });
  return {
    node: errors.node,
    draw({ V, t, y, trace, grads, vocab, moved, dark }) {
      const limit = extent(grads.do);
      showRows(errors, words("back_errors", { t: t + 1 }), V, (item, i) => {
        setText(item.head, visible(vocab[i]));
        setText(item.p, number(trace.yhat[t * V + i]).padStart(7));
        setText(item.y, i === y[t] ? " 1" : " 0");
        item.y.classList.toggle("rnn-one", i === y[t]);
        item.node.classList.toggle("rnn-target", i === y[t]);
        paint(item.error, grads.do[t * V + i], limit, dark, slight);
      });
      if (moved) errors.rows.reveal(y[t]);
    },
    dispose: () => errors.rows.observer.disconnect(),
  };
}

/** Show the number in a cell if it is already computed at this move, else a dot on the colour of zero. */
function reveal(node, reached, value, limit, dark) {
  paint(node, reached ? value : 0, limit, dark, reached ? slight : () => HIDDEN);
}

/** Every hidden unit: the two terms of dh, their sum, the slope of tanh, and da. */
export function buildUnits({ words }) {
  const units = table("gradients", [
    [words("unit"), "rnn-col-unit"],
    [words("head_h"), "rnn-number", formula(sub("h", "t"))],
    [words("back_head_out"), "rnn-number", formula(d("o", "t"), transposed("W", "h", "y"))],
    [words("back_head_future"), "rnn-number", formula(d("a", "t", "+", math("mn", "1")), transposed("W", "h", "h"))],
    [words("back_head_dh"), "rnn-number", formula(d("h", "t"))],
    [words("back_head_slope"), "rnn-number", formula(math("mn", "1"), "−", math("msubsup", "h", "t", math("mn", "2")))],
    [words("back_head_da"), "rnn-number", formula(d("a", "t"))],
  ], () => {
    const head = cell("rowheader", "rnn-col-unit");
    const values = Array.from({ length: 6 }, () => cell("cell", "rnn-number"));
    return { node: row(head, ...values), head, values };
  });
  return {
    node: units.node,
    draw({ H, t, move, trace, grads, out, future, dark }) {
      const limit = Math.max(extent(grads.dh), extent(out), extent(future));
      showRows(units, words("back_units", { t: t + 1 }), H, ({ node, head, values }, j) => {
        const h = trace.h[t * H + j];
        setText(head, String(j + 1));
        paint(values[0], h, 1, dark);
        reveal(values[1], move > 0, out[j], limit, dark);
        reveal(values[2], move > 0, future[j], limit, dark);
        reveal(values[3], move > 0, grads.dh[t * H + j], limit, dark);
        reveal(values[4], move > 1, 1 - h * h, 1, dark);
        reveal(values[5], move > 1, grads.da[t * H + j], limit, dark);
        node.classList.toggle("rnn-lit-dh", move === 1);
        node.classList.toggle("rnn-lit-da", move === 2);
      });
    },
    dispose: () => units.rows.observer.disconnect(),
  };
}

/** The gradients of the parameters, summed as far as this move: all as small images, one with its numbers. */
export function buildSums({ words, change }) {
  const tabs = PARAMETERS.map((name) => {
    const canvas = make("canvas", { className: "rnn-thumb" });
    canvas.setAttribute("aria-hidden", "true");
    const button = make("button", { type: "button", className: "rnn-tab" },
      make("span", { className: "rnn-tab-name" }, `d${name}`), canvas);
    button.addEventListener("click", () => change({ parameter: name }));
    return { name, button, canvas, kept: keep() };
  });
  const group = make("div", { className: "rnn-tabs", role: "group" }, ...tabs.map(({ button }) => button));
  group.setAttribute("aria-label", words("back_sums"));
  const matrix = buildMatrix("sums", words("back_row"));
  matrix.node.insertBefore(group, matrix.node.firstChild);
  const [keptNow, keptBefore] = [keep(), keep()];
  return {
    node: matrix.node,
    draw(state) {
      const { t, move, params, trace, grads, parameter } = state;
      const now = keptNow(() => sumsFrom(params, trace, grads, t), grads, t);
      const before = keptBefore(() => sumsFrom(params, trace, grads, t + 1), grads, t);
      // Step t is added to dWhy and dby at the fourth move, to dWhh, dWxh and dbh at the fifth.
      const has = (name) => move >= (name === "Why" || name === "by" ? 3 : 4);
      const sum = (name) => (has(name) ? now : before)[name];
      for (const tab of tabs) drawTab(tab, sum(tab.name), state);
      showMatrix(matrix, sumShown(sum(parameter), has(parameter) ? t + 1 : t + 2, state, words));
    },
    dispose() {
      for (const { observer } of [matrix, matrix.rows]) observer.disconnect();
    },
  };
}

function drawTab({ name, button, canvas, kept }, values, { V, H, grads, parameter, dark }) {
  kept(() => {
    const [columns, rows = 1] = shapes(V, H)[name].reverse();
    const limit = extent(grads[name]);
    drawPixels(canvas, rows, columns, (i, j) => colour(values[i * columns + j], limit, dark).bytes);
    canvas.style.aspectRatio = `${columns} / ${rows}`;
  }, values, dark);
  button.setAttribute("aria-pressed", String(name === parameter));
}

/** What the matrix shows: the sum of the chosen gradient over the steps from `from`, which counts from 1, to the last. */
function sumShown(values, from, { V, H, T, grads, parameter, vocab, dark }, words) {
  const name = `d${parameter}`;
  const key = from > T ? "back_sum_none" : from === 1 ? "back_sum_all" : from === T ? "back_sum_one" : "back_sum";
  const [columns, rows = 1] = shapes(V, H)[parameter].reverse();
  const [columnName, rowName = () => name] = shapes((i) => visible(vocab[i]), (j) => String(j + 1))[parameter].reverse();
  return {
    title: words(key, { name, t: from, T }), rows, columns, rowName, columnName, values, limit: extent(grads[parameter]), dark,
  };
}
