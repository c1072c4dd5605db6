/**
 * The tables of BackwardStepper: the errors of the output, the gradients of the hidden units, and all steps.
 */

import { number, slight, visible } from "../model/format.js";
import { extent, paint } from "../ui/colour.js";
import { setText } from "../ui/dom.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
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

/** Every step: what it reads, its target and its loss, and the length of what arrives there, in full and after the cut. */
export function buildTimes({ words }) {
  const times = table("times", [
    [words("back_step"), "rnn-col-unit"], [words("reads"), "rnn-flag", formula(sub("x", "t"))],
    [words("target"), "rnn-flag", formula(sub("y", "t"))], [words("loss"), "rnn-number", formula(sub("L", "t"))],
    [words("back_gradient"), "rnn-number", formula("|", d("a", "t"), "|")], [words("back_after_cut"), "rnn-number"],
  ], () => {
    const head = cell("rowheader", "rnn-col-unit");
    const signs = Array.from({ length: 2 }, () => cell("cell", "rnn-flag rnn-col-sign"));
    const values = Array.from({ length: 3 }, () => cell("cell", "rnn-plain"));
    return { node: row(head, ...signs, ...values), head, signs, values };
  });
  return {
    node: times.node,
    draw({ T, H, t, x, y, losses, vocab, grads, blame }) {
      showRows(times, words("back_times"), T, ({ node, head, signs, values }, i) => {
        setText(head, String(i + 1));
        setText(signs[0], visible(vocab[x[i]]).padStart(2));
        setText(signs[1], visible(vocab[y[i]]).padStart(2));
        setText(values[0], number(losses[i], 2).padStart(7));
        setText(values[1], slight(Math.hypot(...grads.da.subarray(i * H, (i + 1) * H))).padStart(7));
        setText(values[2], slight(blame.norms[i]).padStart(7));
        node.classList.toggle("rnn-selected", i === t);
      });
    },
    dispose: () => times.rows.observer.disconnect(),
  };
}
