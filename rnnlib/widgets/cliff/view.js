/**
 * The view of Cliff: a map of the loss over the weight and the bias of one unit, on which plain and clipped gradient descent
 * start where the reader presses.
 */

import { closeUp, lossMap, move, pointAt, slice, states, walk, wallAt, WHOLE } from "../model/cliff.js";
import { BIASES, TARGET, WEIGHTS } from "../model/cliff_facts.js";
import { number, slight } from "../model/format.js";
import { Problem } from "../model/network.js";
import { linkedChoice, linkedNumber, linkedWhole } from "../model/permalink.js";
import { oneOf, within } from "../model/values.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { afterPress, bindModel, field, fieldMessages, refresh, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { buildTabs } from "../ui/tabs.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { DEFAULTS, RADII, RATES, RULES, STEPS, UPDATES } from "./facts.js";
import { buildNear, buildSlice, buildStates, buildWhole, CELLS } from "./plots.js";

const TRAITS = Object.keys(DEFAULTS);
const RANGES = { w: WEIGHTS, b: BIASES };
const EACH = 20; // places of a slider for a decade
const PLAYED = 250; // ms for an update
const HALF = 60; // places of a slice on either side
const EDGE = 30; // places at which the wall is looked for
const [LEAST, MOST] = [0.02, 0.5]; // how far a slice reaches

/** The number of two digits at a place of a slider that runs through a range.
 * @param {number[]} range
 * @param {number} place */
const valueAt = ([low, high], place) => Math.min(high, Number((low * 10 ** (place / EACH)).toPrecision(2)));

/** The place next to a number.
 * @param {number[]} range
 * @param {number} value */
const placeOf = ([low], value) => Math.round(EACH * Math.log10(value / low));

const rounded = (value, to) => Number((Math.round(value / to) * to).toFixed(3));

/** The rules of both walks. */
const rulesOf = ({ rate, clip, clipping }) => [{ rate }, { rate, clip, clipping }];

/** A map of a box: the losses in its cells and its wall. */
function mapOf(box, steps) {
  const [low, high] = box.w;
  const wall = Array.from({ length: EDGE + 1 }, (_, i) => {
    const w = low + (i * (high - low)) / EDGE;
    return { w, b: wallAt(w, steps, (box.b[1] - box.b[0]) / 300) };
  });
  return { box, losses: lossMap(box, CELLS[0], CELLS[1], steps), wall };
}

/** The loss along the next update of a walk. */
function sliceOf(point, rule, reach, steps) {
  const [right, up] = move(point, rule);
  return {
    losses: slice(point, [right, up], reach, HALF, steps), here: point.loss, length: Math.hypot(right, up),
    after: pointAt(point.w + right, point.b + up, steps).loss,
  };
}

function buildControls({ words, change, restart, updated, go }) {
  const place = (label, range) => field(words, label, make("input", {
    type: "number", min: range[0], max: range[1], step: 0.001, inputMode: "decimal",
  }));
  const fields = { w: place("cliff_w", WEIGHTS), b: place("cliff_b", BIASES) };
  const messages = fieldMessages(fields, words);
  const updates = slider(words, "cliff_updates", 0, UPDATES);
  const steps = slider(words, "cliff_steps", STEPS[0], STEPS[1]);
  const rate = slider(words, "cliff_rate", 0, placeOf(RATES, RATES[1]));
  const clip = slider(words, "cliff_clip", 0, placeOf(RADII, RADII[1]));
  const rule = field(words, "cliff_rule", make("select", {},
    make("option", { value: RULES[0] }, words("cliff_norm")), make("option", { value: RULES[1] }, words("cliff_value"))));
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const film = player(words, updated, go, { previous: "cliff_back", next: "cliff_on" }, (n) => (still() ? [n, 0] : [1, PLAYED]));
  let drawn;

  for (const [name, { control }] of Object.entries(fields)) {
    const [low, high] = RANGES[name];
    control.addEventListener("input", ({ target }) => messages.attempt(() => {
      messages.say();
      const value = target.value === "" ? NaN : Number(target.value);
      if (!(value >= low && value <= high)) throw new Problem(name, "cliff_bad_number", { low, high });
      restart({ [name]: value });
    }));
    control.addEventListener("blur", () => afterPress(() => refresh(fields[name], String(drawn[name]))));
  }
  updates.control.addEventListener("input", ({ target }) => go(Number(target.value)));
  steps.control.addEventListener("input", ({ target }) => change({ steps: Number(target.value) }));
  rate.control.addEventListener("input", ({ target }) => change({ rate: valueAt(RATES, target.value) }));
  clip.control.addEventListener("input", ({ target }) => change({ clip: valueAt(RADII, target.value) }));
  rule.control.addEventListener("change", ({ target }) => change({ clipping: target.value }));
  const first = make("div", { className: "rnn-cliff-playing" }, make("div", { className: "rnn-steps" }, ...film.nodes), updates.node);
  const others = make("div", { className: "rnn-cliff-settings" },
    ...[fields.w, fields.b, steps, rate, rule, clip].map((item) => item.node));
  return {
    first, others, pause: film.pause,
    draw(state) {
      drawn = state;
      film.draw();
      for (const name of ["w", "b"]) refresh(fields[name], String(state[name]));
      updates.show(state.updates);
      steps.show(state.steps);
      rate.show(placeOf(RATES, state.rate), String(state.rate));
      clip.show(placeOf(RADII, state.clip), String(state.clip));
      rule.control.value = state.clipping;
    },
  };
}

/** What the figure says in words. */
function told(words, { w, steps, walks, slices }) {
  const sentence = (points, { length }, inside, outside) => {
    const { w: right, b: up, loss, dw, db } = points[points.length - 1];
    const there = right >= WEIGHTS[0] && right <= WEIGHTS[1] && up >= BIASES[0] && up <= BIASES[1];
    return words(there ? inside : outside, {
      w: number(right), b: number(up), loss: number(loss), length: slight(Math.hypot(dw, db)), move: slight(length),
    });
  };
  return {
    summary: [
      sentence(walks[0], slices[0], "cliff_said_plain", "cliff_said_plain_out"),
      sentence(walks[1], slices[1], "cliff_said_clipped", "cliff_said_clipped_out"),
    ].join(" "),
    note: words("cliff_note", { w: number(w), wall: number(wallAt(w, steps)) }),
  };
}

function share({ el, root, model, words, change, shown }) {
  const { w, b, steps, rate, clip, clipping, updates } = DEFAULTS;
  return shareRow({
    el, root, model, words, change, figure: "Cliff",
    spec: {
      w: linkedNumber(WEIGHTS[0], WEIGHTS[1], w), b: linkedNumber(BIASES[0], BIASES[1], b),
      steps: linkedWhole(STEPS[0], STEPS[1], steps), rate: linkedNumber(RATES[0], RATES[1], rate),
      clip: linkedNumber(RADII[0], RADII[1], clip), clipping: linkedChoice(RULES, clipping), updates: linkedWhole(0, UPDATES, updates),
    },
    shown: () => shown() && Object.fromEntries(TRAITS.map((name) => [name, shown()[name]])),
    said: () => words("cliff_picture", { ...shown(), T: shown().steps }),
    place: () => `update${shown().updates}`,
    python: () => {
      const { w: right, b: up, ...now } = shown();
      const how = `steps=${now.steps}, rate=${now.rate}, updates=${now.updates}`;
      return {
        plain: [
          `plain = walk(${right}, ${up}, ${how})`,
          `bound = {"clip": ${now.clip}, "clipping": "${now.clipping}"}`,
          `clipped = walk(${right}, ${up}, ${how}, **bound)`,
        ],
        imports: { "rnnlib.widgets.cliff": ["walk"] },
      };
    },
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, TRAITS, schedule);
  /** Another start: both walks begin again. */
  const restart = (traits) => {
    controls.pause();
    change({ ...traits, updates: 0 });
  };
  const startAt = (w, b, to) => restart({ w: within(rounded(w, to), WEIGHTS), b: within(rounded(b, to), BIASES) });
  const controls = buildControls({
    words, change, restart, updated: () => state && [state.updates, UPDATES + 1], go: (updates) => change({ updates }),
  });
  const parts = [
    buildWhole({ words, moved: (w, b) => startAt(w, b, 0.005) }), buildNear({ words, pressed: (w, b) => startAt(w, b, 0.001) }),
    buildSlice({ words }), buildStates({ words, target: TARGET }),
  ];
  const [map, close, along, over] = parts.map((part) => part.panel);
  const tabs = buildTabs({ // of a phone: where there is room, all cards are in sight
    label: words("cliff_cards"), choose: (i) => tabs.show(i),
    cards: [
      [words("cliff_slice_tab"), along], [words("cliff_near_tab"), close], [words("cliff_states_tab"), over],
      [words("cliff_settings"), controls.others],
    ],
  });
  const [summary, note] = [make("p", { className: "rnn-summary", role: "status" }), make("p", { className: "rnn-note" })];
  const root = make("div", { className: "rnn rnn-cliff", role: "group" }, controls.first,
    make("div", { className: "rnn-cliff-drawings" }, map, tabs.nodes[0], close, along, over, controls.others), summary, note);
  root.setAttribute("aria-label", words("cliff_figure"));
  el.append(root);
  const [whole, ways, near] = [keep(), keep(), keep()];

  function draw() {
    const [w, b] = [within(model.get("w"), WEIGHTS), within(model.get("b"), BIASES)];
    const [rate, clip] = [within(model.get("rate"), RATES), within(model.get("clip"), RADII)];
    const steps = Math.round(within(model.get("steps"), STEPS));
    const updates = Math.round(within(model.get("updates"), [0, UPDATES]));
    const clipping = oneOf(model.get("clipping"), RULES);
    const rules = rulesOf({ rate, clip, clipping });
    const all = ways(() => rules.map((rule) => walk({ w, b, steps, updates: UPDATES, ...rule })), w, b, steps, rate, clip, clipping);
    const walks = all.map((points) => points.slice(0, updates + 1));
    const reach = Math.min(MOST, Math.max(LEAST, 10 * rate * clip));
    const last = walks.map((points) => points[updates]);
    const close = near(() => mapOf(closeUp(all[1]), steps), all);
    const dark = isDark(root);
    state = {
      w, b, rate, clip, steps, updates, clipping, walks, reach, slices: last.map((point, i) => sliceOf(point, rules[i], reach, steps)),
      states: last.map((point) => states(point.w, point.b, steps)),
      whole: { ...whole(() => mapOf(WHOLE, steps), steps), walks, dark, frame: close.box }, near: { ...close, walks, dark },
    };
    Object.assign(state, told(words, state));
    for (const part of [controls, ...parts]) part.draw(state);
    setText(summary, state.summary);
    setText(note, state.note);
  }

  const unshare = share({ el, root, model, words, change, shown: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    controls.pause();
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
