/**
 * The tables of ForwardStepper: the hidden units, the characters, and the terms of one pre-activation.
 */

import { argmax } from "../engine/linalg.js";
import { dotTerms } from "../engine/rnn.js";
import { number, quoted, visible } from "../model/format.js";
import { extent, paint, stripe } from "../ui/colour.js";
import { make, setText } from "../ui/dom.js";
import { formula, math, sub } from "../ui/mathml.js";
import { cell, line, row, showRows, symbols, table } from "../ui/table.js";
import { arrowKeys } from "../ui/virtual_list.js";

const space = () => math("mspace"); // between the name of a function and its argument; its width is in the style sheet

const before = () => math("mrow", "t", "−", math("mn", "1")); // t − 1

const value = () => cell("cell", "rnn-number");

export const hat = () => sub(math("mover", "y", "^"), "t");

/** Put equations between the title of a panel and its table. */
function explain(panel, ...equations) {
  panel.node.insertBefore(make("div", { className: "rnn-formula rnn-equations" }, ...equations), panel.scroller);
}

/** Every hidden unit: the terms of its pre-activation, and its state. A press on a row chooses the unit. */
export function buildUnits({ words, change, shown }) {
  const units = table("units", [
    [words("unit"), "rnn-col-unit"],
    [words("head_input"), "rnn-number", formula(sub("x", "t"), sub("W", "x", "h"))],
    [words("head_state"), "rnn-number", formula(sub("h", before()), sub("W", "h", "h"))],
    [words("head_bias"), "rnn-number", formula(sub("b", "h"))],
    [words("head_a"), "rnn-number", formula(sub("a", "t"))],
    [words("head_h"), "rnn-number", formula(sub("h", "t"))],
  ], () => {
    const pick = make("button", { type: "button", className: "rnn-pick" });
    const values = Array.from({ length: 5 }, value);
    return { node: row(cell("rowheader", "rnn-col-unit", pick), ...values), pick, values };
  });
  const { node, body, rows } = units;
  explain(units,
    formula(sub("a", "t"), "=", sub("x", "t"), sub("W", "x", "h"), "+", sub("h", before()), sub("W", "h", "h"), "+", sub("b", "h")),
    formula(sub("h", "t"), "=", "tanh", space(), sub("a", "t")));
  const choose = (unit) => change({ unit });
  body.addEventListener("click", ({ target }) => {
    const item = rows.all.find((each) => each.node.contains(target));
    if (item) choose(item.index);
  });
  body.addEventListener("keydown", arrowKeys(
    rows, "ArrowDown", "ArrowUp", () => [shown()?.unit, shown()?.H], choose, ({ pick }) => pick));
  return {
    node,
    draw(state) {
      drawUnits(units, state, words);
      if (state.chosen) rows.reveal(state.unit);
    },
    dispose: () => rows.observer.disconnect(),
  };
}

function drawUnits(units, { H, t, unit, params, trace, x, dark }, words) {
  const limit = Math.max(1, extent(trace.a));
  showRows(units, words("units", { t: t + 1 }), H, ({ node, pick, values }, j, stop) => {
    setText(pick, String(j + 1));
    pick.dataset.unit = j;
    pick.setAttribute("aria-label", words("show_unit", { j: j + 1 }));
    // The term of the previous state is summed as in the engine: a difference would have another rounding error.
    let earlier = 0;
    for (let k = 0; k < H; k++) earlier += (t ? trace.h[(t - 1) * H + k] : trace.h0[k]) * params.Whh[k * H + j];
    [params.Wxh[x[t] * H + j], earlier, params.bh[j], trace.a[t * H + j]].forEach((term, i) => paint(values[i], term, limit, dark));
    paint(values[4], trace.h[t * H + j], 1, dark);
    node.classList.toggle("rnn-selected", j === unit);
    pick.setAttribute("aria-pressed", String(j === unit));
    pick.tabIndex = stop ? 0 : -1;
  }, unit);
}

/** Every character: input, logit, probability and target; below the table the loss of the step. */
export function buildCharacters({ words }) {
  const characters = table("characters", [
    [words("character"), "rnn-col-char"],
    [words("head_x"), "rnn-flag", formula(sub("x", "t"))],
    [words("head_o"), "rnn-number", formula(sub("o", "t"))],
    [words("head_yhat"), "rnn-probability", formula(hat())],
    [words("head_y"), "rnn-flag", formula(sub("y", "t"))],
  ], () => {
    const head = cell("rowheader", "rnn-col-char rnn-char");
    const [x, y] = [cell("cell", "rnn-flag"), cell("cell", "rnn-flag")];
    const [o, yhat] = [value(), cell("cell", "rnn-probability")];
    return { node: row(head, x, o, yhat, y), head, x, o, yhat, y };
  });
  explain(characters,
    formula(sub("o", "t"), "=", sub("h", "t"), sub("W", "h", "y"), "+", sub("b", "y")),
    formula(hat(), "=", "softmax", "(", sub("o", "t"), ")"));
  const loss = characters.node.appendChild(line());
  symbols(loss.symbols, "loss", () => [
    formula(sub("L", "t"), "=", "−", "ln", space(), hat(), "[", sub("y", "t"), "]"),
  ]);
  return {
    node: characters.node,
    draw({ V, t, x, y, trace, losses, vocab, dark }) {
      const limit = Math.max(1, extent(trace.o));
      showRows(characters, words("characters", { t: t + 1 }), V, (item, i) => {
        const p = trace.yhat[t * V + i];
        setText(item.head, visible(vocab[i]));
        paint(item.o, trace.o[t * V + i], limit, dark);
        setText(item.yhat, number(p).padStart(12));
        item.yhat.style.backgroundImage = stripe("var(--rnn-bar)", 0, p);
        for (const [flag, id] of [[item.x, x[t]], [item.y, y[t]]]) {
          setText(flag, i === id ? " 1" : " 0");
          flag.classList.toggle("rnn-one", i === id);
        }
        item.node.classList.toggle("rnn-target", i === y[t]);
      });
      setText(loss.numbers, ` = −ln ${number(trace.yhat[t * V + y[t]], 4)} = ${number(losses[t], 4)}`);
    },
    dispose: () => characters.rows.observer.disconnect(),
  };
}

/** The terms of the pre-activation of one unit, and above the table their sum and its tanh. */
export function buildTerms({ words }) {
  const terms = table("terms", [
    [words("from"), "rnn-col-from"], [words("state_weight"), "rnn-product"], [words("term"), "rnn-number"],
    [words("push"), "rnn-push"],
  ], () => {
    const [from, product, term] = [cell("rowheader", "rnn-col-from"), cell("cell", "rnn-product"), value()];
    const push = cell("cell", "rnn-push");
    return { node: row(from, product, term, push), from, product, term, push };
  });
  const [sum, tanh] = [line(), line()];
  sum.classList.add("rnn-terms-sum");
  for (const node of [sum, tanh]) terms.node.insertBefore(node, terms.scroller);
  const strongest = terms.node.appendChild(make("p", { className: "rnn-largest" }));
  return {
    node: terms.node,
    draw(state) {
      const found = dotTerms(state.params, state.trace, state.t, state.unit);
      setText(strongest, words("largest", drawTerms(terms, state, found, words)));
      drawSum(sum, tanh, found, state.unit);
    },
    dispose: () => terms.rows.observer.disconnect(),
  };
}

/** Returns the name and the value of the term that is largest in magnitude. */
function drawTerms(terms, { H, t, unit, params, trace, x, vocab, dark }, sum, words) {
  // The input first, then the units of the previous state, then the bias.
  const values = [sum.x, ...sum.h, sum.b];
  const sizes = values.map(Math.abs);
  const top = argmax(sizes);
  const from = (i) => {
    if (i === 0) return words("term_input", { x: quoted(vocab[x[t]]) });
    return i > H ? words("term_bias") : words(t ? "term_unit" : "term_start", { k: i, t });
  };
  const factors = (i) => {
    if (i === 0 || i > H) return ["1", number(values[i])];
    const state = t ? trace.h[(t - 1) * H + i - 1] : trace.h0[i - 1];
    return [number(state), number(params.Whh[(i - 1) * H + unit])];
  };
  showRows(terms, words("terms", { j: unit + 1, t: t + 1 }), values.length, (item, i) => {
    const share = sizes[top] ? values[i] / sizes[top] : 0;
    setText(item.from, from(i));
    const [state, weight] = factors(i);
    setText(item.product, `${state.padStart(6)} × ${weight.padStart(6)}`);
    paint(item.term, values[i], Math.max(sizes[top], 1e-300), dark);
    item.push.style.backgroundImage =
      stripe(`var(--rnn-${share < 0 ? "negative" : "positive"})`, Math.min(0.5, 0.5 + share / 2), Math.max(0.5, 0.5 + share / 2));
    item.node.classList.toggle("rnn-selected", i === top);
  });
  return { name: from(top), value: number(values[top]) };
}

/** The pre-activation of a unit as a sum of three terms, and its tanh. */
function drawSum(sum, tanh, { x, h, b, sum: a }, unit) {
  const earlier = h.reduce((total, value) => total + value, 0);
  const signed = (value) => number(value).replace(/^[−-]?/, (minus) => (minus ? "− " : "+ "));
  const j = () => math("mn", String(unit + 1));
  symbols(sum.symbols, unit, () => [
    formula(sub("a", "t"), "[", j(), "]", "=", sub("W", "x", "h"), "[", sub("x", "t"), ",", j(), "]"),
    " ",
    formula("+", math("munder", "∑", "k"), sub("h", before()), "[", "k", "]", sub("W", "h", "h"), "[", "k", ",", j(), "]"),
    " ",
    formula("+", sub("b", "h"), "[", j(), "]"),
  ]);
  setText(sum.numbers, ` = ${number(x)} ${signed(earlier)} ${signed(b)} = ${number(a)}`);
  symbols(tanh.symbols, unit, () => [
    formula(sub("h", "t"), "[", j(), "]", "=", "tanh", space(), sub("a", "t"), "[", j(), "]"),
  ]);
  setText(tanh.numbers, ` = tanh(${number(a)}) = ${number(Math.tanh(a))}`);
}
