/**
 * The view of BackwardStepper: backpropagation from the last step to the first in five moves a step, and below it the
 * contributions.
 */

import { backward, contributions } from "../engine/bptt.js";
import { PARAMETERS } from "../engine/flat.js";
import { number, percent, quoted, slight } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedChoice, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { extent, ramp } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildStrip, setSign, showStrip } from "../ui/time_strip.js";
import { buildCell, buildMap, lengthOf } from "./contributions.js";
import { BACK, DEFAULTS, MOVES, REDUCTIONS } from "./facts.js";
import { buildErrors, buildSums, buildUnits, yhat } from "./panels.js";

const MOVE_NAMES = ["back_move_error", "back_move_roads", "back_move_tanh", "back_move_output", "back_move_state"];

/** The step s of the cell that is chosen at first for a loss. */
const startOf = (loss_t) => Math.max(0, loss_t - BACK);

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

/** The five moves of a step, the current one marked. */
function buildMoves({ words, change }) {
  const items = MOVE_NAMES.map((name, move) => {
    const equations = make("span", { className: "rnn-move-equations" });
    const code = make("code", { className: "rnn-move-code" });
    const button = make("button", { type: "button", className: "rnn-move" },
      make("span", { className: "rnn-move-name" }, words(name)), equations, code);
    button.addEventListener("click", () => change({ move }));
    return { node: make("li", {}, button), button, equations, code };
  });
  const node = make("ol", { className: "rnn-moves" }, ...items.map((item) => item.node));
  node.setAttribute("aria-label", words("back_moves"));
  const kept = keep();
  return {
    node,
    draw({ reduction, move }) {
      kept(() => movesOf(reduction).forEach(([equations, code], i) => {
        items[i].equations.replaceChildren(...equations.flatMap((equation) => [equation, " "]));
        setText(items[i].code, code);
      }), reduction);
      items.forEach(({ button }, i) => {
        if (i === move) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      });
    },
  };
}

/** The fields of the network, and the reduction of its loss. */
function buildFields({ model, words, change }) {
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => (
    // Another text is shown from its last step on.
    T === Infinity ? {} : { t: T - 1, move: 0, loss_t: T - 1, s: startOf(T - 1) }) });
  const { node, control } = field(words, "back_reduction", make("select", {},
    ...REDUCTIONS.map(([value, name]) => make("option", { value }, words(name)))));
  fields.node.append(node);
  control.addEventListener("change", ({ target }) => change({ reduction: target.value }));
  return {
    ...fields,
    draw(state) {
      fields.draw(state);
      control.value = state.reduction;
    },
  };
}

/** The text, and the gradients da of its steps as far as they are computed. */
function buildTime({ words, change, shown }) {
  const strip = buildStrip({
    label: words("back_strip"), states: [words("back_gradient"), d("a", "t")], place: () => [shown().t, shown().T],
    go: (t) => change({ t }),
    lines: { x: [words("reads"), sub("x", "t")], y: [words("target"), sub("y", "t")], loss: [words("loss"), sub("L", "t")] },
  });
  strip.node.classList.add("rnn-strip-back");
  const kept = keep();
  return {
    node: strip.node,
    draw(state) {
      const { H, T, t, move, x, y, losses, vocab, grads, moved, dark } = state;
      const from = H * (move > 1 ? t : t + 1);
      const reached = kept(() => {
        const values = new Float64Array(T * H); // zero for the steps that are not reached yet
        values.set(grads.da.subarray(from), from);
        return values;
      }, grads, from);
      showStrip(strip, state, reached, extent(grads.da), dark, (parts, i) => {
        const loss = number(losses[i], 2);
        setSign(parts.x, vocab[x[i]]);
        setSign(parts.y, vocab[y[i]]);
        setText(parts.loss, loss);
        return words("back_column", {
          t: i + 1, x: quoted(vocab[x[i]]), y: quoted(vocab[y[i]]), loss, da: slight(lengthOf(grads.da, i * H, (i + 1) * H)),
        });
      });
      if (moved) strip.columns.reveal(t);
    },
    dispose: () => strip.columns.observer.disconnect(),
  };
}

/** The buttons that go through all moves of all steps, the last step first, and the slider of the step. */
function buildSteps({ words, change, shown }) {
  const place = () => shown() && [(shown().T - 1 - shown().t) * MOVES + shown().move, shown().T * MOVES];
  const go = (p) => change({ t: shown().T - 1 - Math.floor(p / MOVES), move: p % MOVES });
  const buttons = player(words, place, go, { previous: "back_previous", next: "back_next" });
  const step = slider(words, "step", 0, 1);
  step.control.addEventListener("input", ({ target }) => change({ t: Number(target.value) }));
  return {
    node: make("div", { className: "rnn-steps" }, ...buttons.nodes, step.node),
    draw({ t, T }) {
      step.show(t, words("of", { t: t + 1, T }), T - 1);
      buttons.draw();
    },
    dispose: buttons.pause,
  };
}

/** What the current move does, in words. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return { node, draw: (state) => setText(node, say(state, words)) };
}

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

/** What the colours mean. */
function buildLegend({ words }) {
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("p", {}, `${words("back_legend")} − `, bar, ` + ${words("back_legend_rest")}`);
  return {
    node: make("div", { className: "rnn-foot" }, legend),
    draw({ dark }) {
      bar.style.background = ramp(dark);
    },
  };
}

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareWalk({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "BackwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS),
      reduction: linkedChoice(REDUCTIONS.map(([name]) => name), DEFAULTS.reduction),
      t: linkedWhole(0, lastStep, lastStep), move: linkedWhole(0, MOVES - 1, DEFAULTS.move), parameter: linkedChoice(PARAMETERS, DEFAULTS.parameter),
      loss_t: linkedWhole(0, lastStep, lastStep), s: linkedWhole(0, ({ loss_t }) => loss_t, ({ loss_t }) => startOf(loss_t)),
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

/** The two terms of dh_t for every unit: from the output, and from step t + 1. Their sum is `grads.dh`, from engine/bptt.js. */
function termsOfDh({ V, H, T, t, params, grads }) {
  const out = new Float64Array(H);
  const future = new Float64Array(H);
  for (let j = 0; j < H; j++) {
    for (let i = 0; i < V; i++) out[j] += grads.do[t * V + i] * params.Why[j * V + i];
    if (t < T - 1) for (let k = 0; k < H; k++) future[j] += grads.da[(t + 1) * H + k] * params.Whh[j * H + k];
  }
  return { out, future };
}

/** All that is shown of `net`: the traits that say what to show, and the gradients, which are taken from `last` if they are
 * the same. */
function stateOf(model, net, last) {
  const { params, trace, y, T } = net;
  const chosen = (name, choices) => (choices.includes(model.get(name)) ? model.get(name) : DEFAULTS[name]);
  const reduction = chosen("reduction", REDUCTIONS.map(([value]) => value));
  const { grads, matrix } = last?.net === net && last.reduction === reduction ? last : {
    grads: backward(params, trace, y, reduction), matrix: contributions(params, trace, y, reduction),
  };
  const [t, loss_t] = [inside(model.get("t"), T), inside(model.get("loss_t"), T)];
  const state = {
    ...net, net, reduction, grads, matrix, t, loss_t, parameter: chosen("parameter", PARAMETERS),
    move: inside(model.get("move"), MOVES), s: inside(model.get("s"), loss_t + 1),
    truncate: Math.max(1, Math.round(model.get("truncate")) || 1), moved: last?.net !== net || last.t !== t,
  };
  return { ...state, ...termsOfDh(state) };
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const own = ["t", "move", "loss_t", "s", "truncate", "reduction", "parameter"];
  const { change, forget } = bindModel(model, [...NETWORK, ...own], schedule);
  const given = { model, words, change, shown: () => state };
  const build = (...builders) => builders.map((builder) => builder(given));
  const [fields, ...walk] = build(buildFields, buildTime, buildSteps, buildSummary, buildMoves);
  const panels = build(buildErrors, buildUnits, buildSums, buildMap, buildCell);
  const [legend] = build(buildLegend);
  const parts = [fields, ...walk, ...panels, legend];
  const root = make("div", { className: "rnn rnn-backward", role: "group" },
    fields.node, ...walk.map(({ node }) => node),
    make("div", { className: "rnn-panels" }, ...panels.map(({ node }) => node)),
    legend.node);
  root.setAttribute("aria-label", words("back_figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    state = { ...stateOf(model, net, state), dark: isDark(root) };
    for (const part of parts) part.draw(state);
  }

  const unshare = shareWalk({ el, root, ...given });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    unthemed();
    unshare();
    for (const part of parts) part.dispose?.();
    forget();
  };
}

export default figure(render);
