/**
 * The view of ForwardStepper. Everything is computed from the model's traits on every change and painted at once;
 * the nodes are built once and reused.
 */

import { dotTerms } from "../engine/rnn.js";
import { number, percent, quoted, visible } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { extent, paint, ramp, stripe } from "../ui/colour.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { formula, math, sub } from "../ui/mathml.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { cell, line, row, showRows, symbols, table } from "../ui/table.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildStrip, setSign, showStrip } from "../ui/time_strip.js";
import { arrowKeys } from "../ui/virtual_list.js";
import { DEFAULTS } from "./facts.js";

function largest(array, start, end) {
  let best = start;
  for (let i = start; i < end; i++) if (array[i] > array[best]) best = i;
  return best - start;
}

const space = () => math("mspace"); // between the name of a function and its argument; its width is in the style sheet

const before = () => math("mrow", "t", "−", math("mn", "1")); // t − 1

const value = () => cell("cell", "rnn-number");

const hat = () => sub(math("mover", "y", "^"), "t");

function buildUnits(words) {
  const parts = table("units", [
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
  explain(parts,
    formula(sub("a", "t"), "=", sub("x", "t"), sub("W", "x", "h"), "+", sub("h", before()), sub("W", "h", "h"), "+", sub("b", "h")),
    formula(sub("h", "t"), "=", "tanh", space(), sub("a", "t")));
  return parts;
}

/** Put equations between the title of a panel and its table. */
function explain(panel, ...equations) {
  panel.node.insertBefore(make("div", { className: "rnn-formula rnn-equations" }, ...equations), panel.scroller);
}

function buildCharacters(words) {
  const parts = table("characters", [
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
  explain(parts,
    formula(sub("o", "t"), "=", sub("h", "t"), sub("W", "h", "y"), "+", sub("b", "y")),
    formula(hat(), "=", "softmax", "(", sub("o", "t"), ")"));
  parts.loss = line();
  parts.node.append(parts.loss);
  return parts;
}

function buildTerms(words) {
  const parts = table("terms", [
    [words("from"), "rnn-col-from"], [words("state_weight"), "rnn-product"], [words("term"), "rnn-number"],
    [words("push"), "rnn-push"],
  ], () => {
    const [from, product, term] = [cell("rowheader", "rnn-col-from"), cell("cell", "rnn-product"), value()];
    const push = cell("cell", "rnn-push");
    return { node: row(from, product, term, push), from, product, term, push };
  });
  parts.sum = line();
  parts.sum.classList.add("rnn-terms-sum");
  parts.state = line();
  parts.largest = make("p", { className: "rnn-largest" });
  for (const node of [parts.sum, parts.state]) parts.node.insertBefore(node, parts.scroller);
  parts.node.append(parts.largest);
  return parts;
}

function drawStrip(strip, state, words, dark) {
  const { V, x, y, trace, losses, vocab } = state;
  showStrip(strip, state, trace.h, 1, dark, (parts, i) => {
    const guess = largest(trace.yhat, i * V, (i + 1) * V);
    const loss = number(losses[i], 2);
    setSign(parts.x, vocab[x[i]]);
    setSign(parts.guess, vocab[guess]);
    setSign(parts.y, vocab[y[i]]);
    setText(parts.loss, loss);
    parts.guess.classList.toggle("rnn-right", guess === y[i]);
    return words("column", {
      t: i + 1, x: quoted(vocab[x[i]]), guess: quoted(vocab[guess]), p: percent(trace.yhat[i * V + guess]),
      y: quoted(vocab[y[i]]), loss,
    });
  });
}

function drawUnits(units, state, words, dark) {
  const { H, t, unit, params, trace, x } = state;
  const limit = Math.max(1, extent(trace.a));
  showRows(units, words("units", { t: t + 1 }), H, ({ node, pick, values }, j, stop) => {
    setText(pick, String(j + 1));
    pick.dataset.unit = j;
    pick.setAttribute("aria-label", words("show_unit", { j: j + 1 }));
    const input = params.Wxh[x[t] * H + j];
    const a = trace.a[t * H + j];
    // What came from the earlier state is summed here as it is in the engine, not found by subtraction.
    let earlier = 0;
    for (let k = 0; k < H; k++) earlier += (t ? trace.h[(t - 1) * H + k] : trace.h0[k]) * params.Whh[k * H + j];
    [input, earlier, params.bh[j], a].forEach((term, i) => paint(values[i], term, limit, dark));
    paint(values[4], trace.h[t * H + j], 1, dark);
    node.classList.toggle("rnn-selected", j === unit);
    pick.setAttribute("aria-pressed", String(j === unit));
    pick.tabIndex = stop ? 0 : -1;
  }, unit);
}

function drawCharacters(characters, state, words, dark) {
  const { V, t, x, y, trace, losses, vocab } = state;
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
  const target = trace.yhat[t * V + y[t]];
  symbols(characters.loss.symbols, "", () => [
    formula(sub("L", "t"), "=", "−", "ln", space(), hat(), "[", sub("y", "t"), "]"),
  ]);
  setText(characters.loss.numbers, ` = −ln ${number(target, 4)} = ${number(losses[t], 4)}`);
}

function drawTerms(terms, state, words, dark) {
  const { H, t, unit, params, trace, x, vocab } = state;
  const sum = dotTerms(params, trace, t, unit);
  // The input first, then the units of the earlier state, then the bias.
  const values = [sum.x, ...sum.h, sum.b];
  const sizes = values.map(Math.abs);
  const top = largest(sizes, 0, sizes.length);
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
  setText(terms.largest, words("largest", { name: from(top), value: number(values[top]) }));
  const earlier = sum.h.reduce((total, value) => total + value, 0);
  const signed = (value) => number(value).replace(/^(−?)/, (_, minus) => (minus ? "− " : "+ "));
  const j = () => math("mn", String(unit + 1));
  symbols(terms.sum.symbols, unit, () => [
    formula(sub("a", "t"), "[", j(), "]", "=", sub("W", "x", "h"), "[", sub("x", "t"), ",", j(), "]"),
    " ",
    formula("+", math("munder", "∑", "k"), sub("h", before()), "[", "k", "]", sub("W", "h", "h"), "[", "k", ",", j(), "]"),
    " ",
    formula("+", sub("b", "h"), "[", j(), "]"),
  ]);
  setText(terms.sum.numbers, ` = ${number(sum.x)} ${signed(earlier)} ${signed(sum.b)} = ${number(sum.sum)}`);
  symbols(terms.state.symbols, unit, () => [
    formula(sub("h", "t"), "[", j(), "]", "=", "tanh", space(), sub("a", "t"), "[", j(), "]"),
  ]);
  setText(terms.state.numbers, ` = tanh(${number(sum.sum)}) = ${number(Math.tanh(sum.sum))}`);
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "unit"], schedule);
  const go = (t) => change({ t });

  const fields = networkFields({ model, words, change, settle: ({ T = Infinity, H = Infinity }) => ({
    t: Math.min(model.get("t"), T - 1), unit: Math.min(model.get("unit"), H - 1),
  }) });
  const strip = buildStrip({
    label: words("strip"), states: [words("carries"), sub("h", "t")], place: () => [state.t, state.T], go,
    lines: {
      x: [words("reads"), sub("x", "t")], guess: [words("guesses"), hat()], y: [words("target"), sub("y", "t")],
      loss: [words("loss"), sub("L", "t")],
    },
  });
  const steps = player(words, () => state && [state.t, state.T], go);
  const step = slider(words, "step", 0, 1);
  const units = buildUnits(words);
  const characters = buildCharacters(words);
  const terms = buildTerms(words);
  const summary = make("p", { className: "rnn-summary", role: "status" });
  const mean = make("p", { className: "rnn-mean" });
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("p", {}, `${words("legend")} −1 `, bar, ` +1; ${words("legend_rest")}`);
  const root = make("div", { className: "rnn rnn-forward", role: "group" },
    fields.node,
    strip.node,
    make("div", { className: "rnn-steps" }, ...steps.nodes, step.node),
    summary,
    make("div", { className: "rnn-panels" }, units.node, characters.node, terms.node),
    make("div", { className: "rnn-foot" }, mean, legend));
  root.setAttribute("aria-label", words("figure"));
  el.append(root);

  function draw() {
    const next = fields.guard(() => network(model, state?.net));
    if (!next) return;
    const t = inside(model.get("t"), next.T);
    const unit = inside(model.get("unit"), next.H);
    const moved = !state || state.t !== t || state.T !== next.T;
    const chosen = state && state.unit !== unit;
    state = { ...next, net: next, t, unit };
    const { V, T, x, y, trace, losses, vocab } = state;
    const dark = isDark(root);
    fields.draw(state);
    step.show(t, words("of", { t: t + 1, T }), T - 1);
    steps.draw();

    bar.style.background = ramp(dark);
    drawStrip(strip, state, words, dark);
    drawUnits(units, state, words, dark);
    drawCharacters(characters, state, words, dark);
    drawTerms(terms, state, words, dark);

    const guess = largest(trace.yhat, t * V, (t + 1) * V);
    setText(summary, words(guess === y[t] ? "summary_right" : "summary", {
      t: t + 1, x: quoted(vocab[x[t]]), y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]),
      guess: quoted(vocab[guess]), q: percent(trace.yhat[t * V + guess]), loss: number(losses[t]),
    }));
    const total = losses.reduce((sum, loss) => sum + loss, 0);
    setText(mean, words("mean_loss", { loss: number(total / T), V, uniform: number(Math.log(V)) }));
    if (moved) strip.columns.reveal(t);
    if (chosen) units.rows.reveal(unit);
  }

  step.control.addEventListener("input", ({ target }) => go(Number(target.value)));
  units.body.addEventListener("click", ({ target }) => {
    const item = units.rows.all.find(({ node }) => node.contains(target));
    if (item) change({ unit: item.index });
  });
  units.body.addEventListener("keydown", arrowKeys(
    units.rows, "ArrowDown", "ArrowUp", () => [state.unit, state.H], (unit) => change({ unit }), ({ pick }) => pick));

  const unshare = shareRow({
    el, root, model, words, change, figure: "ForwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS), t: linkedWhole(0, lastStep, DEFAULTS.t),
      unit: linkedWhole(0, ({ hidden_size }) => hidden_size - 1, DEFAULTS.unit),
    },
    shown: () => state && { ...shownNetwork(state), t: state.t, unit: state.unit },
    said: () => words("picture", { ...state, t: state.t + 1 }),
    place: () => `t${state.t + 1}`,
    python: () => ({
      plain: [
        "trace = forward(params, vocab.encode(text[:-1]))",
        "losses = step_losses(trace.o, vocab.encode(text[1:]))",
      ],
      imports: { rnnlib: ["Vocabulary", "forward", "step_losses"] },
    }),
  });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    steps.pause();
    unthemed();
    unshare();
    for (const sight of [strip.columns, units.rows, characters.rows, terms.rows]) sight.observer.disconnect();
    forget();
  };
}

export default figure(render);
