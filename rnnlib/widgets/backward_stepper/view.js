/**
 * The view of BackwardStepper: the walk from the last step to the first, five moves a step, and below it the contributions.
 */

import { backward, contributions, sumsFrom } from "../engine/bptt.js";
import { PARAMETERS } from "../engine/flat.js";
import { number, percent, quoted, slight, visible } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedChoice, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { colour, drawPixels, extent, paint, ramp } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { cell, row, showRows, table } from "../ui/table.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildStrip, setSign, showStrip } from "../ui/time_strip.js";
import { buildContributions, lengthOf } from "./contributions.js";
import { BACK, DEFAULTS, MOVES } from "./facts.js";


const MOVE_NAMES = ["back_move_error", "back_move_roads", "back_move_tanh", "back_move_output", "back_move_state"];

const REDUCTIONS = [["sum", "back_reduction_sum"], ["mean", "back_reduction_mean"]];

const HIDDEN = "·"; // in place of a number that the walk has not reached

const yhat = () => sub(math("mover", "y", "^"), "t");

const grown = (left, ...right) => formula(left, math("mo", "+="), ...right);

/** The equations of each move, and its line of Python, in which do, dh, da are those of step t.
 * @returns {[any[], string][]} */
function movesOf(reduction) {
  const mean = reduction === "mean";
  return [
    [[mean ? formula(d("o", "t"), "=", "(", yhat(), "−", sub("y", "t"), ")", "/", "T") : formula(d("o", "t"), "=", yhat(), "−", sub("y", "t"))],
      `do = ${mean ? "(yhat[t] - one_hot(y[t], V)) / T" : "yhat[t] - one_hot(y[t], V)"}`],
    [[formula(d("h", "t"), "=", d("o", "t"), transposed("W", "h", "y"), "+", d("a", "t", "+", math("mn", "1")), transposed("W", "h", "h"))],
      "dh = do @ Why.T + da_next @ Whh.T"],
    [[formula(d("a", "t"), "=", d("h", "t"), "⊙", "(", math("mn", "1"), "−", math("msubsup", "h", "t", math("mn", "2")), ")")],
      "da = dh * (1 - h[t] ** 2)"],
    [[grown(d("W", "h", "y"), transposed("h", "t"), d("o", "t")), grown(d("b", "y"), d("o", "t"))],
      "dWhy += np.outer(h[t], do); dby += do"],
    [[grown(d("W", "h", "h"), transposed("h", "t", "−", math("mn", "1")), d("a", "t")),
      grown(d("W", "x", "h"), transposed("x", "t"), d("a", "t")), grown(d("b", "h"), d("a", "t"))],
    "dWhh += np.outer(h_prev, da); dWxh[x[t]] += da; dbh += da"],
  ];
}

function buildMoves(words, choose) {
  const items = Array.from({ length: MOVES }, (_, i) => {
    const equations = make("span", { className: "rnn-move-equations" });
    const code = make("code", { className: "rnn-move-code" });
    const button = make("button", { type: "button", className: "rnn-move" },
      make("span", { className: "rnn-move-name" }, words(MOVE_NAMES[i])), equations, code);
    button.addEventListener("click", () => choose(i));
    return { node: make("li", {}, button), button, equations, code };
  });
  const node = make("ol", { className: "rnn-moves" }, ...items.map((item) => item.node));
  node.setAttribute("aria-label", words("back_moves"));
  return { node, items };
}

function drawMoves(moves, { reduction, move }) {
  if (moves.reduction !== reduction) {
    movesOf(reduction).forEach(([equations, code], i) => {
      moves.items[i].equations.replaceChildren(...equations.flatMap((equation) => [equation, " "]));
      setText(moves.items[i].code, code);
    });
    moves.reduction = reduction;
  }
  moves.items.forEach(({ button }, i) => {
    if (i === move) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
}

function buildUnits(words) {
  return table("gradients", [
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
}

function buildErrors(words) {
  return table("errors", [
    [words("character"), "rnn-col-char"],
    [words("head_yhat"), "rnn-number", formula(yhat())],
    [words("head_y"), "rnn-flag", formula(sub("y", "t"))],
    [words("back_head_do"), "rnn-number", formula(d("o", "t"))],
  ], () => {
    const head = cell("rowheader", "rnn-col-char rnn-char");
    const [p, y, error] = [cell("cell", "rnn-plain"), cell("cell", "rnn-flag"), cell("cell", "rnn-number")];
    return { node: row(head, p, y, error), head, p, y, error };
  });
}

/** A cell that the walk has reached shows its number, another a dot on the colour of zero. */
function reveal(node, reached, value, limit, dark) {
  paint(node, reached ? value : 0, limit, dark, reached ? slight : () => HIDDEN);
}

/** The two terms of dh_t, unit by unit: from the output, and from the step after. Their sum, `grads.dh`, is from engine/bptt.js. */
function termsOfDh({ V, H, T, t, params, grads }) {
  const out = new Float64Array(H);
  const future = new Float64Array(H);
  for (let j = 0; j < H; j++) {
    for (let i = 0; i < V; i++) out[j] += grads.do[t * V + i] * params.Why[j * V + i];
    if (t < T - 1) for (let k = 0; k < H; k++) future[j] += grads.da[(t + 1) * H + k] * params.Whh[j * H + k];
  }
  return { out, future };
}

function drawUnits(units, state, words, dark) {
  const { H, t, move, trace, grads, out, future } = state;
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
}

function drawErrors(errors, { V, t, y, trace, grads, vocab }, words, dark) {
  const limit = extent(grads.do);
  showRows(errors, words("back_errors", { t: t + 1 }), V, (item, i) => {
    setText(item.head, visible(vocab[i]));
    setText(item.p, number(trace.yhat[t * V + i]).padStart(7));
    setText(item.y, i === y[t] ? " 1" : " 0");
    item.y.classList.toggle("rnn-one", i === y[t]);
    item.node.classList.toggle("rnn-target", i === y[t]);
    paint(item.error, grads.do[t * V + i], limit, dark, slight);
  });
}

function shapeOf(name, { V, H }) {
  return { Wxh: [V, H], Whh: [H, H], Why: [H, V], bh: [1, H], by: [1, V] }[name];
}

function buildSums(words, choose) {
  const tabs = PARAMETERS.map((name) => {
    const canvas = make("canvas", { className: "rnn-thumb" });
    canvas.setAttribute("aria-hidden", "true");
    const button = make("button", { type: "button", className: "rnn-tab" },
      make("span", { className: "rnn-tab-name" }, `d${name}`), canvas);
    button.addEventListener("click", () => choose(name));
    return { name, button, canvas, kept: keep() };
  });
  const group = make("div", { className: "rnn-tabs", role: "group" }, ...tabs.map(({ button }) => button));
  group.setAttribute("aria-label", words("back_sums"));
  const matrix = buildMatrix("sums", words("back_row"));
  matrix.node.insertBefore(group, matrix.node.firstChild);
  return Object.assign(matrix, { tabs, now: keep(), before: keep() });
}

function drawSums(sums, state, words, dark) {
  const { T, t, move, params, trace, grads, parameter, vocab } = state;
  // The output's weights take step t in at the fourth move, the state's at the fifth.
  const collected = (name) => move >= (name === "Why" || name === "by" ? 3 : 4);
  const now = sums.now(() => sumsFrom(params, trace, grads, t), grads, t);
  const before = sums.before(() => sumsFrom(params, trace, grads, t + 1), grads, t);
  for (const { name, button, canvas, kept } of sums.tabs) {
    const [rows, columns] = shapeOf(name, state);
    const values = (collected(name) ? now : before)[name];
    kept(() => {
      const limit = extent(grads[name]);
      drawPixels(canvas, rows, columns, (i, j) => colour(values[i * columns + j], limit, dark).bytes);
      canvas.style.aspectRatio = `${columns} / ${rows}`;
    }, values, dark);
    button.setAttribute("aria-pressed", String(name === parameter));
  }
  const [rows, columns] = shapeOf(parameter, state);
  const from = collected(parameter) ? t + 1 : t + 2;
  const unit = (i) => String(i + 1);
  const character = (i) => visible(vocab[i]);
  const [rowName, columnName] = {
    Wxh: [character, unit], Whh: [unit, unit], Why: [unit, character], bh: [() => "dbh", unit], by: [() => "dby", character],
  }[parameter];
  const key = from > T ? "back_sum_none" : from === 1 ? "back_sum_all" : from === T ? "back_sum_one" : "back_sum";
  showMatrix(sums, {
    title: words(key, { name: `d${parameter}`, t: from, T }), rows, columns, rowName, columnName,
    values: (collected(parameter) ? now : before)[parameter], limit: extent(grads[parameter]), dark,
  });
}

/** What the current move does, in words. */
function say({ V, H, T, t, move, y, vocab, trace, grads, out, future, reduction }, words) {
  const slopes = Array.from({ length: H }, (_, j) => 1 - trace.h[t * H + j] ** 2);
  const mean = reduction === "mean";
  const [key, values] = [
    () => [V === 1 ? "back_say_no_error" : mean ? "back_say_error_mean" : "back_say_error",
      { T, y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]), d: slight(grads.do[t * V + y[t]]) }],
    () => [t === T - 1 ? "back_say_one_road" : "back_say_roads",
      { out: slight(lengthOf(out)), future: slight(lengthOf(future)), next: t + 2 }],
    () => ["back_say_tanh", {
      low: number(Math.min(...slopes)), high: number(Math.max(...slopes)), da: slight(lengthOf(grads.da, t * H, (t + 1) * H)),
    }],
    () => ["back_say_output"],
    () => [t ? "back_say_state" : "back_say_state_first", { previous: t }],
  ][move]();
  return `${words("back_where", { t: t + 1, move: move + 1, moves: MOVES })} ${words(key, values)}`;
}

/** The foot of the figure; shown() gives the state that is drawn. */
function shareWalk({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "BackwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS),
      reduction: linkedChoice(REDUCTIONS.map(([name]) => name), DEFAULTS.reduction),
      t: linkedWhole(0, lastStep, lastStep), move: linkedWhole(0, MOVES - 1, DEFAULTS.move), parameter: linkedChoice(PARAMETERS, DEFAULTS.parameter),
      loss_t: linkedWhole(0, lastStep, lastStep), s: linkedWhole(0, ({ loss_t }) => loss_t, ({ loss_t }) => Math.max(0, loss_t - BACK)),
      truncate: linkedWhole(1, LIMITS.steps, DEFAULTS.truncate),
    },
    shown() {
      const state = shown();
      if (!state) return undefined;
      const { reduction, t, move, parameter, loss_t, s, truncate } = state;
      return { ...shownNetwork(state), reduction, t, move, parameter, loss_t, s, truncate: Math.min(LIMITS.steps, truncate) };
    },
    said: () => words("back_picture", shown()),
    place: () => `t${shown().t + 1}`,
    python() {
      const { reduction, truncate, T } = shown();
      const options = `reduction="${reduction}"`;
      return {
        plain: [
          "x, y = vocab.encode(text[:-1]), vocab.encode(text[1:])",
          "trace = forward(params, x)",
          `loss = cross_entropy(trace.o, y, ${options})`,
          `grads = backward(params, trace, y, ${options})`,
          ...(truncate < T ? [`truncated = backward(params, trace, y, ${options}, truncate=${truncate})`] : []),
          `matrix = contributions(params, trace, y, ${options})`,
        ],
        imports: { rnnlib: ["Vocabulary", "backward", "cross_entropy", "forward"], "rnnlib.bptt": ["contributions"] },
      };
    },
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const own = ["t", "move", "loss_t", "s", "truncate", "reduction", "parameter"];
  const { change, forget } = bindModel(model, [...NETWORK, ...own], schedule);

  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => {
    // Another text is walked from its end again.
    return T === Infinity ? {} : { t: T - 1, move: 0, loss_t: T - 1, s: Math.max(0, T - 4) };
  } });
  const reduction = field(words, "back_reduction", make("select", {},
    ...REDUCTIONS.map(([value, name]) => make("option", { value }, words(name)))));
  fields.node.append(reduction.node);
  reduction.control.addEventListener("change", ({ target }) => change({ reduction: target.value }));

  const strip = buildStrip({
    label: words("back_strip"), states: [words("back_gradient"), d("a", "t")], place: () => [state.t, state.T],
    go: (t) => change({ t }),
    lines: { x: [words("reads"), sub("x", "t")], y: [words("target"), sub("y", "t")], loss: [words("loss"), sub("L", "t")] },
  });
  strip.node.classList.add("rnn-strip-back");
  // The walk: every step from the last to the first, every move of it.
  const place = () => state && [(state.T - 1 - state.t) * MOVES + state.move, state.T * MOVES];
  const steps = player(words, place, (p) => change({ t: state.T - 1 - Math.floor(p / MOVES), move: p % MOVES }),
    { previous: "back_previous", next: "back_next" });
  const step = slider(words, "step", 0, 1);
  step.control.addEventListener("input", ({ target }) => change({ t: Number(target.value) }));
  const moves = buildMoves(words, (move) => change({ move }));
  const summary = make("p", { className: "rnn-summary", role: "status" });
  const units = buildUnits(words);
  const errors = buildErrors(words);
  const sums = buildSums(words, (parameter) => change({ parameter }));
  const matrix = buildContributions({ words, model, change, state: () => state });
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("p", {}, `${words("back_legend")} − `, bar, ` + ${words("back_legend_rest")}`);
  const root = make("div", { className: "rnn rnn-backward", role: "group" },
    fields.node,
    strip.node,
    make("div", { className: "rnn-steps" }, ...steps.nodes, step.node),
    summary,
    moves.node,
    make("div", { className: "rnn-panels" }, errors.node, units.node, sums.node, ...matrix.nodes),
    make("div", { className: "rnn-foot" }, legend));
  root.setAttribute("aria-label", words("back_figure"));
  el.append(root);

  /** The gradients of the network, and kept as long as it is the same. */
  function gradients(net) {
    const reduction = model.get("reduction") === "mean" ? "mean" : "sum";
    if (state?.net === net && state.reduction === reduction) return state;
    const { params, trace, y } = net;
    return {
      ...net, net, reduction, grads: backward(params, trace, y, reduction), matrix: contributions(params, trace, y, reduction),
    };
  }

  /** The gradients that the walk has reached; zero for the steps that it has not. */
  const keptReached = keep();
  function reached({ H, T, t, move, grads }) {
    const from = move > 1 ? t : t + 1;
    return keptReached(() => {
      const values = new Float64Array(T * H);
      values.set(grads.da.subarray(from * H), from * H);
      return values;
    }, grads, from);
  }

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const { T } = net;
    const [t, loss_t] = [inside(model.get("t"), T), inside(model.get("loss_t"), T)];
    const moved = state?.net !== net || state.t !== t;
    const parameter = PARAMETERS.includes(model.get("parameter")) ? model.get("parameter") : DEFAULTS.parameter;
    state = {
      ...gradients(net), t, loss_t, parameter, move: inside(model.get("move"), MOVES), s: inside(model.get("s"), loss_t + 1),
      truncate: Math.max(1, Math.round(model.get("truncate")) || 1),
    };
    Object.assign(state, termsOfDh(state));
    const { H, x, y, losses, vocab, grads } = state;
    const dark = isDark(root);
    fields.draw(state);
    reduction.control.value = state.reduction;
    step.show(t, words("of", { t: t + 1, T }), T - 1);
    steps.draw();
    bar.style.background = ramp(dark);
    showStrip(strip, state, reached(state), extent(grads.da), dark, (parts, i) => {
      const loss = number(losses[i], 2);
      setSign(parts.x, vocab[x[i]]);
      setSign(parts.y, vocab[y[i]]);
      setText(parts.loss, loss);
      return words("back_column", {
        t: i + 1, x: quoted(vocab[x[i]]), y: quoted(vocab[y[i]]), loss, da: slight(lengthOf(grads.da, i * H, (i + 1) * H)),
      });
    });
    setText(summary, say(state, words));
    drawMoves(moves, state);
    drawErrors(errors, state, words, dark);
    drawUnits(units, state, words, dark);
    drawSums(sums, state, words, dark);
    matrix.draw(state, dark);
    if (moved) {
      strip.columns.reveal(t);
      errors.rows.reveal(state.y[t]);
    }
  }

  const unshare = shareWalk({ el, root, model, words, change, shown: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    steps.pause();
    unthemed();
    unshare();
    const observers = [strip.columns, errors.rows, units.rows, sums.rows, sums].map(({ observer }) => observer);
    for (const observer of [...observers, ...matrix.observers]) observer.disconnect();
    forget();
  };
}

export default figure(render);
