/**
 * The view of BackwardStepper: the network unrolled over time with the gradients of all losses, a front that walks back
 * through it in five moves a step, and three cards of which one is open.
 */

import { backward, contributions } from "../engine/bptt.js";
import { PARAMETERS } from "../engine/flat.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedChoice, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { highest } from "../model/river.js";
import { ramp } from "../ui/colour.js";
import { keep, make } from "../ui/dom.js";
import { field, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { beginWalk, buildFold, walkPlayer } from "../ui/moves.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { buildTabs } from "../ui/tabs.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { afterCut, buildCell, buildNotes, buildShares, keepWay } from "./contributions.js";
import { BACK, CARDS, DEFAULTS, INSIGHT, MOVES, REDUCTIONS } from "./facts.js";
import { buildStep } from "./moves.js";
import { buildErrors, buildTimes, buildUnits } from "./panels.js";
import { buildSumNumbers, buildSums, keepSums } from "./sums.js";

const CARD_NAMES = { step: "back_card_step", sums: "back_card_sums", shares: "back_card_shares" };

/** The step s of the cell that is chosen at first for a loss. */
const startOf = (loss_t) => Math.max(0, loss_t - BACK);

/** The state in which a text is opened, where nothing else is asked for: as the class in Python has it. */
function insight(T) {
  const t = Math.floor((INSIGHT.of[0] * (T - 1)) / INSIGHT.of[1]);
  return { t, move: INSIGHT.move, loss_t: t, s: startOf(t) };
}

/** The fields of the network, and the reduction of its loss. */
function buildFields({ model, words, change }) {
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => (T === Infinity ? {} : insight(T)) });
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

/** The network over time. The border at which the front lies is behind the steps whose da is computed. */
function buildTime({ words, change, shown, model, steps }) {
  return buildRiver({
    words, label: words("back_strip"), place: () => [shown().t, shown().T],
    go(t, part) {
      if (part?.closest(".rnn-river-surprise")) change({ loss_t: t, s: Math.min(model.get("s"), t) });
      else change({ t });
    },
    walk: {
      front(border) {
        const { T, move } = shown();
        if (border === T) change({ t: T - 1, move: Math.min(move, 1) });
        else if (border === 0 || move > 1) change({ t: border, move: Math.max(move, 2) });
        else change({ t: border - 1 });
      },
      cut: (border) => change({ truncate: border ? Math.max(1, shown().loss_t - border + 1) : LIMITS.steps }),
      turn: (by) => steps.by(by),
    },
  });
}

/** The buttons that go through all moves of all steps, the last step first. */
function buildSteps({ words, jump, shown }) {
  return walkPlayer({
    words, moves: MOVES,
    place: () => shown() && [(shown().T - 1 - shown().t) * MOVES + shown().move, shown().T * MOVES],
    go: (p) => jump({ t: shown().T - 1 - Math.floor(p / MOVES), move: p % MOVES }),
  });
}

/** The slider of the step. */
function buildSlider({ words, change }) {
  const step = slider(words, "step", 0, 1);
  step.control.addEventListener("input", ({ target }) => change({ t: Number(target.value) }));
  return { node: step.node, draw: ({ t, T }) => step.show(t, words("of", { t: t + 1, T }), T - 1) };
}

/** Tabs, and the card of the one that is chosen. */
function buildCards({ words, change }, cards) {
  const tabs = buildTabs({
    label: words("back_cards"), choose: (i) => change({ card: CARDS[i] }),
    cards: CARDS.map((name) => [words(CARD_NAMES[name]), make("div", {}, cards[name].node)]),
  });
  return {
    nodes: tabs.nodes,
    draw(state) {
      tabs.show(CARDS.indexOf(state.card));
      cards[state.card].draw(state);
    },
  };
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

/** Where a link or a line of Python names some of the places of the walk, the others are the last ones; it names none where
 * the walk is at the insight. */
function placesOfLink() {
  const at = (traits) => {
    const { t, move, loss_t, s } = traits;
    const first = insight(lastStep(traits) + 1);
    return first.t === t && first.move === move && first.loss_t === loss_t && first.s === s;
  };
  return {
    t: linkedWhole(0, lastStep, (traits) => (at(traits) ? traits.t : lastStep(traits))),
    move: linkedWhole(0, MOVES - 1, (traits) => (at(traits) ? traits.move : undefined)),
    loss_t: linkedWhole(0, lastStep, (traits) => (at(traits) ? traits.loss_t : lastStep(traits))),
    s: linkedWhole(0, ({ loss_t }) => loss_t, ({ loss_t }) => startOf(loss_t)),
  };
}

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareWalk({ el, root, model, words, change, shown }) {
  const { s, ...places } = placesOfLink();
  return shareRow({
    el, root, model, words, change, figure: "BackwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS),
      reduction: linkedChoice(REDUCTIONS.map(([name]) => name), DEFAULTS.reduction),
      ...places, parameter: linkedChoice(PARAMETERS, DEFAULTS.parameter), s,
      truncate: linkedWhole(1, LIMITS.steps, DEFAULTS.truncate), card: linkedChoice(CARDS, DEFAULTS.card),
    },
    shown() {
      const state = shown();
      if (!state) return undefined;
      const { reduction, t, move, parameter, loss_t, s: reached, truncate, card } = state;
      return {
        ...shownNetwork(state), reduction, t, move, parameter, loss_t, s: reached, truncate: Math.min(LIMITS.steps, truncate),
        card: card === DEFAULTS.card ? undefined : card,
      };
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
function stateOf(model, net, last, kept) {
  const { params, trace, y, T } = net;
  const chosen = (name, choices) => (choices.includes(model.get(name)) ? model.get(name) : DEFAULTS[name]);
  const reduction = chosen("reduction", REDUCTIONS.map(([value]) => value));
  const { grads, matrix, top } = last?.net === net && last.reduction === reduction ? last : gradientsOf(params, trace, y, reduction, T);
  const [t, loss_t] = [inside(model.get("t"), T), inside(model.get("loss_t"), T)];
  const truncate = Math.max(1, Math.round(model.get("truncate")) || 1);
  const move = inside(model.get("move"), MOVES);
  const state = {
    ...net, net, reduction, grads, matrix, top, t, loss_t, move, truncate, parameter: chosen("parameter", PARAMETERS),
    card: chosen("card", CARDS), s: inside(model.get("s"), loss_t + 1), moved: last?.net !== net || last.t !== t,
  };
  const cut = kept(() => afterCut(state), grads, Math.min(truncate, T));
  return {
    ...state, ...termsOfDh(state), lit: loss_t, front: move > 1 ? t : t + 1,
    blame: { matrix: cut.matrix, norms: cut.norms, scale: top || 1 },
    cut: truncate < T ? Math.max(0, loss_t - truncate + 1) : 0, after: cut,
  };
}

function gradientsOf(params, trace, y, reduction, T) {
  const matrix = contributions(params, trace, y, reduction);
  return { grads: backward(params, trace, y, reduction), matrix, top: highest(matrix, T) };
}

function render({ model, el }) {
  /** @type {any} */
  let state; // what is shown
  const traits = [...NETWORK, "t", "move", "loss_t", "s", "truncate", "reduction", "parameter", "card"];
  const { words, schedule, forget, steps, given } = beginWalk({ model, el, traits, draw, shown: () => state, buildSteps });
  const build = (...builders) => builders.map((builder) => builder(given));
  const [fields, time, step] = build(buildFields, buildTime, buildSlider);
  const cards = buildCards(given, Object.fromEntries(CARDS.map((name, i) => [name, [buildStep, buildSums, buildShares][i](given)])));
  const tables = build(buildTimes, buildErrors, buildUnits, buildSumNumbers, buildNotes, buildCell, buildLegend);
  const numbers = buildFold("numbers", words("all_numbers"), tables, schedule);
  const more = buildFold("more", words("back_more"), [fields, step], schedule);
  const root = make("div", { className: "rnn rnn-walk rnn-backward", role: "group" },
    time.node, steps.node, ...cards.nodes, make("div", { className: "rnn-folds" }, more.node, numbers.node));
  root.setAttribute("aria-label", words("back_figure"));
  el.append(root);
  const [cutKept, sumsKept, wayKept] = [keep(), keepSums(), keepWay()];

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    state = { ...stateOf(model, net, state, cutKept), dark: isDark(root) };
    if (state.card === "sums" || numbers.open()) state.sums = sumsKept(state);
    if (state.card === "shares" || numbers.open()) state.way = wayKept(state);
    for (const part of [time, steps, cards, numbers, fields, step]) part.draw(state);
  }

  const unshare = shareWalk({ el, root, ...given });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    steps.pause();
    unthemed();
    unshare();
    for (const part of tables) part.dispose?.();
    forget();
  };
}

export default figure(render);
