/**
 * The view of GatedStepper: the network unrolled over time, the moves of a step forward and back with their equations and
 * lines of code, and the numbers of the current move.
 */

import { blocksOf, gatedCell, gatedGradients } from "../model/gated.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedChoice, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { highest, lengths } from "../model/river.js";
import { ramp } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { equation } from "../ui/equation.js";
import { field, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { beginWalk, buildFold, moveList, walkPlayer } from "../ui/moves.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildBlocks } from "./blocks.js";
import { DEFAULTS, FORGET_BIAS, FORWARD, INSIGHT, MOVES } from "./facts.js";
import { say } from "./sentences.js";

const COUNT = MOVES.lstm.length;
const CELLS = { lstm: "gated_lstm", gru: "gated_gru" };
const FINE = 10; // places of the slider between two whole forget biases

/** The state in which a text is opened, where nothing else is asked for: as the class in Python has it. */
const insight = (T, cell) => ({ t: Math.floor((T - 1) / 2), move: INSIGHT[cell] });

/** Text, hidden size and seed, the cell, and the bias of its forget gate. */
function buildFields({ model, words, change }) {
  const cellNow = () => gatedCell(model).cell;
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => (T === Infinity ? {} : insight(T, cellNow())) });
  const cell = field(words, "gated_cell", make("select", {},
    ...Object.entries(CELLS).map(([value, name]) => make("option", { value }, words(name)))));
  const bias = slider(words, "gated_forget_bias", FINE * FORGET_BIAS[0], FINE * FORGET_BIAS[1]);
  cell.control.addEventListener("change", ({ target }) => (
    change({ cell: target.value, ...insight([...model.get("text")].length - 1, target.value) })));
  bias.control.addEventListener("input", ({ target }) => change({ forget_bias: Number(target.value) / FINE }));
  fields.node.append(cell.node, bias.node);
  return {
    ...fields,
    draw(state) {
      fields.draw(state);
      cell.control.value = state.cell;
      cell.node.hidden = state.given;
      bias.node.hidden = state.given || state.cell !== "lstm";
      bias.show(Math.round(FINE * state.forget_bias), state.forget_bias.toFixed(1));
    },
  };
}

/** The places of the walk: forward over all steps, then back. */
const placeOf = ({ t, move, T }) => (move < FORWARD ? t * FORWARD + move : (2 * T - 1 - t) * FORWARD + move - FORWARD);

function stateAt(place, T) {
  const [step, move] = [Math.floor(place / FORWARD), place % FORWARD];
  return step < T ? { t: step, move } : { t: 2 * T - 1 - step, move: FORWARD + move };
}

function buildSteps({ words, jump, shown }) {
  return walkPlayer({
    words, moves: FORWARD, place: () => shown() && [placeOf(shown()), 2 * FORWARD * shown().T],
    go: (place) => jump(stateAt(place, shown().T)),
  });
}

/** The network over time. The border at which the front lies is behind the steps whose da is computed. */
function buildTime({ words, change, shown, steps }) {
  const time = buildRiver({
    words, label: words("gated_strip"), place: () => [shown().t, shown().T], go: (t) => change({ t }),
    walk: {
      front: (border) => change(border === shown().T
        ? { t: border - 1, move: FORWARD } : { t: border, move: Math.max(shown().move, COUNT - 2) }),
      turn: (by) => steps.by(by),
    },
  });
  const plays = ({ key, target }) => key === " " && target.closest(".rnn-river-step");
  time.node.addEventListener("keydown", (event) => {
    if (!plays(event)) return;
    event.preventDefault();
    if (!event.repeat) steps.play();
  });
  time.node.addEventListener("keyup", (event) => plays(event) && event.preventDefault()); // or it would press the step
  return time;
}

function buildMoves({ words, change }) {
  const lists = Object.fromEntries(Object.entries(MOVES).map(([cell, moves]) => {
    const list = moveList({ label: words("back_moves"), names: moves.map((move) => words(move.words)), choose: (move) => change({ move }) });
    list.say(moves.map(({ equations, code }) => [equations.map(equation), code.join("\n")]));
    list.items[0].node.dataset.head = words("gated_forward");
    list.items[FORWARD].node.dataset.head = words("gated_backward");
    return [cell, list];
  }));
  return {
    node: make("div", {}, ...Object.values(lists).map(({ node }) => node)),
    draw({ cell, move }) {
      for (const [name, list] of Object.entries(lists)) list.node.hidden = name !== cell;
      lists[cell].mark(move);
    },
  };
}

/** The slider of the step. */
function buildSlider({ words, change }) {
  const step = slider(words, "step", 0, 1);
  step.control.addEventListener("input", ({ target }) => change({ t: Number(target.value) }));
  return { node: step.node, draw: ({ t, T }) => step.show(t, words("of", { t: t + 1, T }), T - 1) };
}

/** The sentence, and what the colours mean. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("div", { className: "rnn-foot" }, make("p", {}, `${words("back_legend")} − `, bar, ` + ${words("gated_legend")}`));
  return {
    node, legend,
    draw(state) {
      setText(node, say(state, words));
      bar.style.background = ramp(state.dark);
    },
  };
}

/** Where a link or a line of Python names the step or the move, the other one is 0; it names neither at the insight. */
function placesOfLink() {
  const at = (traits) => {
    const first = insight(lastStep(traits) + 1, traits.cell ?? DEFAULTS.cell);
    return first.t === traits.t && first.move === traits.move;
  };
  return {
    t: linkedWhole(0, lastStep, (traits) => (at(traits) ? traits.t : 0)),
    move: linkedWhole(0, COUNT - 1, (traits) => (at(traits) ? traits.move : undefined)),
  };
}

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareWalk({ el, root, model, words, change, shown }) {
  const given = [...model.get("_characters")].length > 0;
  return shareRow({
    el, root, model, words, change, figure: "GatedStepper",
    spec: {
      ...linkedNetwork(model, LIMITS),
      ...(given ? {} : {
        cell: linkedChoice(Object.keys(CELLS), DEFAULTS.cell), forget_bias: linkedNumber(...FORGET_BIAS, DEFAULTS.forget_bias),
      }),
      ...placesOfLink(),
    },
    shown() {
      const state = shown();
      if (!state) return undefined;
      const { cell, forget_bias, t, move } = state;
      return { ...shownNetwork(state), cell, forget_bias: cell === "lstm" ? forget_bias : undefined, t, move };
    },
    said: () => words(shown().cell === "gru" ? "gated_picture_gru" : "gated_picture_lstm", { ...shown(), t: shown().t + 1 }),
    place: () => `t${shown().t + 1}`,
    python() {
      const { cell, forget_bias } = shown();
      return {
        cell, drawn: cell === "lstm" ? [`forget_bias=${forget_bias}`] : [],
        plain: [
          "x, y = vocab.encode(text[:-1]), vocab.encode(text[1:])",
          `trace = ${cell}.forward(params, x)`,
          `grads = ${cell}.backward(params, trace, y, reduction="sum")`,
        ],
      };
    },
  });
}

function render({ model, el }) {
  /** @type {any} */
  let state; // what is shown
  const traits = [...NETWORK, "cell", "forget_bias", "t", "move"];
  const { words, schedule, forget, steps, given } = beginWalk({ model, el, traits, draw, shown: () => state, buildSteps });
  const [fields, time, moves, summary, step, blocks] =
    [buildFields, buildTime, buildMoves, buildSummary, buildSlider, buildBlocks].map((build) => build(given));
  const more = buildFold("more", words("back_more"), [fields, step], schedule);
  const root = make("div", { className: "rnn rnn-walk rnn-gated", role: "group" },
    time.node, steps.node, make("div", { className: "rnn-gated-body" }, moves.node, summary.node, blocks.node), summary.legend,
    more.node);
  root.setAttribute("aria-label", words("gated_figure"));
  el.append(root);
  const kept = keep();

  function draw() {
    const kind = gatedCell(model);
    const net = fields.guard(() => network(model, state?.net, kind));
    if (!net) return;
    const { grads, matrix } = kept(() => gatedGradients(net), net);
    const [t, move] = [inside(model.get("t"), net.T), inside(model.get("move"), COUNT)];
    const { name } = MOVES[kind.cell][move];
    const all = { ...net, net, cell: kind.cell, forget_bias: model.get("forget_bias"), grads, t, move, moves: COUNT, name };
    state = {
      ...all, blocks: blocksOf(name, all), dark: isDark(root),
      lit: t, read: move < FORWARD ? t + 1 : null, front: move < FORWARD ? net.T : move < COUNT - 2 ? t + 1 : t,
      blame: { matrix, norms: lengths(grads.da, grads.da.length / net.T), scale: highest(matrix, net.T) || 1 },
    };
    for (const part of [time, steps, moves, blocks, summary, fields, step]) part.draw(state);
  }

  const unshare = shareWalk({ el, root, ...given });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    steps.pause();
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
