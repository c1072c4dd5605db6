/**
 * The view of GradientDetective: the errors of a gradient whose code has one wrong line, its training, and the lines to
 * pick from. LINES, CASES with their wrong functions, TRAINING, TOLERANCE, LIMITS and
 * DEFAULTS come from gradient_detective/__init__.py.
 */

import { backward } from "../engine/bptt.js";
import { centralDifferences, compare, descend } from "../engine/gradcheck.js";
import { forward } from "../engine/rnn.js";
import { number, quoted, slight } from "../model/format.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { linkedChoice, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { drawPixels, ramp, shade } from "../ui/colour.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { buildCurves, drawCurves } from "../ui/line_plot.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { CASES, LINES, TOLERANCE, TRAINING } from "./cases.js";
import { DEFAULTS, LIMITS } from "./facts.js";
import { CHECKED_GRADIENTS, hintFor } from "./hints.js";

const LEAST = 1e-12; // smaller errors look alike

let views = 0; // radio buttons belong together by name, those of two views apart

/** The place of an error on the logarithmic scale from LEAST to 1, from 0 to 1. */
const place = (error) => 1 - Math.log10(Math.min(1, Math.max(LEAST, error))) / Math.log10(LEAST);

const listed = (names, words) => (names.length ? names.map((name) => `d${name}`).join(", ") : words("detective_none"));

/** The errors of the gradient of a case for a network, and its training. `right`: the same for the healthy code. */
function evaluate({ H, T, params, x, y, trace }, code, right) {
  const { forward: run = forward, backward: back = backward } = code;
  const h0 = trace.h.slice((T - 1) * H);
  const grads = back(params, run(params, x, h0), y);
  const expected = right && run === forward ? right.expected : centralDifferences(params, x, y, h0, "mean", run);
  const checks = compare(grads, expected, "mean", T);
  const { losses } = descend(params, x, y, h0, { ...TRAINING, run, back });
  const reached = losses.filter(Number.isFinite);
  const wrong = CHECKED_GRADIENTS.filter((name) => checks[name].error > TOLERANCE);
  return { expected, checks, wrong, losses, reached, first: reached[0], last: reached.at(-1) };
}

function buildMaps(words) {
  const maps = CHECKED_GRADIENTS.map((name) => {
    const title = make("div", { className: "rnn-error-title" });
    const canvas = make("canvas", { className: "rnn-error-cells" });
    canvas.setAttribute("aria-hidden", "true"); // its largest error is in the text below it
    const mark = make("span", { className: "rnn-error-mark" });
    const worst = make("div", { className: "rnn-error-worst" });
    const node = make("div", { className: `rnn-error-map rnn-error-${name}` },
      title, make("div", { className: "rnn-error-frame" }, canvas, mark), worst);
    return { name, node, title, canvas, mark, worst };
  });
  const scale = make("span", { className: "rnn-ramp rnn-error-scale" });
  scale.style.setProperty("--rnn-tolerance", `${100 * place(TOLERANCE)}%`);
  const legend = make("p", { className: "rnn-note" }, `${words("detective_scale")} 1e−12 `, scale,
    ` 1; ${words("detective_scale_ends", { tolerance: "1e−5" })}`);
  const node = make("section", { className: "rnn-panel" },
    make("div", { className: "rnn-title" }, words("detective_maps")),
    make("div", { className: "rnn-error-maps" }, ...maps.map((map) => map.node)), legend);
  return { node, draw: (state) => drawMaps(maps, scale, state, words) };
}

function drawMaps(maps, scale, { V, H, checks, dark }, words) {
  const rowsOf = { Wxh: V, Whh: H, Why: H, bh: 1, by: 1, h0: 1 };
  for (const { name, node, title, canvas, mark, worst } of maps) {
    const { errors, worst: at, error } = checks[name];
    const rows = rowsOf[name];
    const columns = errors.length / rows;
    const [i, j] = [Math.floor(at / columns), at % columns];
    drawPixels(canvas, rows, columns, (row, column) => shade(place(errors[row * columns + column]), "grey", dark).bytes);
    const percents = { left: j / columns, top: i / rows, width: 1 / columns, height: 1 / rows };
    for (const [side, share] of Object.entries(percents)) mark.style[side] = `${(100 * share).toFixed(3)}%`;
    const wrong = error > TOLERANCE;
    node.classList.toggle("rnn-error-wrong", wrong);
    setText(title, words(wrong ? "detective_map_wrong" : "detective_map_right", { name: `d${name}` }));
    setText(worst, words("detective_map_worst", {
      error: Number.isFinite(error) ? slight(error) : "∞", at: name.startsWith("W") ? `[${i}, ${j}]` : `[${j}]`,
    }));
  }
  scale.style.background = ramp(dark, "grey");
}

function buildTraining(words) {
  const curves = buildCurves(["rnn-curve-wrong", "rnn-curve-right"], words("detective_updates"), words("detective_nats"));
  const line = (name) => {
    const text = make("span");
    return { text, node: make("p", { className: "rnn-curve-line" }, make("span", { className: `rnn-swatch ${name}` }), text) };
  };
  const [wrong, right] = [line("rnn-swatch-wrong"), line("rnn-swatch-right")];
  const note = make("p", { className: "rnn-note" });
  const node = make("section", { className: "rnn-panel" },
    make("div", { className: "rnn-title" }, words("detective_training")), curves.node, wrong.node, right.node, note);
  const draw = ({ first, last, losses, reached, healthy }) => {
    const top = 1.5 * Math.max(first, healthy.first) || 1; // one character alone has no loss
    drawCurves(curves, [losses, healthy.losses], top);
    const ends = { first: number(first), last: number(last), n: reached.length - 1 };
    setText(wrong.text, words(reached.length < losses.length ? "detective_curve_ends" : "detective_curve", ends));
    setText(right.text, words("detective_curve_right", { first: number(healthy.first), last: number(healthy.last) }));
    setText(note, words("detective_curve_note", { ...TRAINING, top: number(top, 1) }));
  };
  return { node, draw };
}

function buildLines(words, pick) {
  const name = `rnn-suspect-${(views += 1)}`;
  const note = make("p", { className: "rnn-note" });
  const lines = LINES.map(({ key, code, loop }, i) => {
    const radio = make("input", { type: "radio", name, value: key });
    const indented = code.startsWith(" ") ? "rnn-line rnn-line-inside" : "rnn-line";
    const node = make("label", { className: indented }, radio,
      make("span", { className: "rnn-line-number" }, `${i + 1}`), make("code", {}, code.trim()));
    return { key, code, radio, node, before: loop ? [make("code", { className: "rnn-line-loop" }, loop)] : [] };
  });
  const node = make("fieldset", { className: "rnn-lines" },
    make("legend", { className: "rnn-title" }, words("detective_question")), note,
    ...lines.flatMap((line) => [...line.before, line.node]));
  node.addEventListener("change", ({ target }) => pick(target.value));
  // Arrow keys move from line to line, and the space bar picks: reading on picks no line.
  node.addEventListener("keydown", (event) => {
    const at = lines.findIndex(({ radio }) => radio === event.target);
    const last = lines.length - 1;
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    lines[Math.min(last, Math.max(0, to))].radio.focus();
  });
  const draw = ({ number: n, fault, suspect, solved }) => {
    setText(note, words(n ? "detective_code" : "detective_code_healthy"));
    for (const { key, radio, node: line } of lines) {
      radio.checked = key === suspect;
      line.classList.toggle("rnn-line-fault", solved && key === fault);
      line.classList.toggle("rnn-line-cleared", key === suspect && key !== fault);
    }
  };
  return { node, draw };
}

function buildVerdict(words, tell) {
  const text = make("p", { className: "rnn-verdict", role: "status" });
  const [was, belongs] = [make("code"), make("code")];
  const diff = make("div", { className: "rnn-diff" },
    make("div", {}, make("span", { className: "rnn-label" }, words("detective_was")), make("del", {}, was)),
    make("div", {}, make("span", { className: "rnn-label" }, words("detective_belongs")), make("ins", {}, belongs)));
  const parts = ["detective_look", "detective_train", "detective_remedy"].map((key) => {
    const said = make("span");
    return { said, node: make("p", {}, make("strong", {}, words(key)), " ", said) };
  });
  const answer = make("button", { type: "button", className: "rnn-button rnn-answer" }, words("detective_answer"));
  answer.addEventListener("click", tell);
  const node = make("section", { className: "rnn-panel rnn-verdict-panel" },
    text, diff, ...parts.map((part) => part.node), answer);
  const verdict = { text, was, belongs, diff, parts, answer };
  return { node, draw: (state) => drawVerdict(verdict, state, words) };
}

function drawVerdict(verdict, state, words) {
  const { number: n, code, fault, suspect, solved, told, T, first, healthy } = state;
  const lineOf = (key) => 1 + LINES.findIndex((line) => line.key === key);
  verdict.diff.hidden = !solved;
  verdict.answer.setAttribute("aria-disabled", String(solved || !n));
  verdict.parts.forEach((part, i) => {
    part.node.hidden = !solved;
    setText(part.said, solved ? told[i + 1] : "");
  });
  if (solved) {
    setText(verdict.text, words(suspect === fault ? "detective_fault" : "detective_shown", { n: lineOf(fault), title: told[0] }));
    setText(verdict.was, code.code.trim());
    setText(verdict.belongs, LINES[lineOf(fault) - 1].code.trim());
  } else if (suspect) {
    const { key, names = [], last } = hintFor(suspect, fault, state.wrong);
    const values = { n: lineOf(suspect), names: listed(names, words), excess: T - 1 };
    Object.assign(values, { first: number(first, 5), healthy: number(healthy.first, 5) });
    setText(verdict.text, [words(key, values), ...(last ? rowOfLastStep(state, words) : [])].join(" "));
  } else {
    setText(verdict.text, words(n ? (state.wrong.length ? "detective_pick" : "detective_unseen") : "detective_right_code"));
  }
}

/** A hint at the row of dWxh that the last step alone adds to, where there is one. */
function rowOfLastStep({ x, vocab }, words) {
  const i = x.at(-1);
  return x.indexOf(i) === x.length - 1 ? [words("detective_row", { i, x: quoted(vocab[i]) })] : [];
}

/** The cases that are solved: the reader picked the line, or asked for it. */
function solvedCases(words) {
  const [found, shown] = [new Set(), new Set()];
  const has = (n) => found.has(n) || shown.has(n);
  const title = (n) => words(CASES[n - 1].words, {}).split("\n")[0];
  const nameOf = (n) => {
    if (!n) return words("detective_healthy");
    return has(n) ? words("detective_solved", { n, title: title(n) }) : words("detective_hidden", { n });
  };
  return { found, shown, has, nameOf };
}

const faultOf = (n) => CASES[n - 1]?.fault ?? "";

/** The case that is shown, with buttons that lead to the next, and how many were found. */
function buildChooser(words, current, solved, go) {
  const choice = make("select", {}, ...[null, ...CASES].map((_, n) => make("option", { value: n })));
  const steps = player(words, () => current() && [current().number, CASES.length + 1], go,
    { previous: "detective_previous", next: "detective_next" });
  const progress = make("p", { className: "rnn-progress" });
  choice.addEventListener("change", () => go(Number(choice.value)));
  return {
    node: make("div", { className: "rnn-steps" }, field(words, "detective_case", choice).node, ...steps.nodes.slice(1), progress),
    draw({ number: n }) {
      [...choice.options].forEach((option, i) => setText(option, solved.nameOf(i)));
      choice.value = n;
      steps.draw();
      setText(progress, words("detective_found", { n: solved.found.size, N: CASES.length }));
    },
  };
}

/** The case in a sentence. */
function buildSummary(words, solved) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return {
    node,
    draw({ number: n, wrong, first, last, healthy }) {
      const right = CHECKED_GRADIENTS.filter((name) => !wrong.includes(name));
      setText(node, words("detective_status", {
        case: solved.nameOf(n), wrong: listed(wrong, words), right: listed(right, words),
        first: number(first), last: number(last), healthy: number(healthy.last),
      }));
    },
  };
}

/** From the traits to what is shown. What `evaluate` found is kept as long as the network is the same. */
function statesOf(model, words, solved) {
  let results = new Map(); // case -> what was found, for the network of the last state
  return (net, last) => {
    if (net !== last?.net) results = new Map();
    const result = (n, right) => {
      if (!results.has(n)) results.set(n, evaluate(net, CASES[n - 1] ?? {}, right));
      return results.get(n);
    };
    const n = inside(model.get("case"), CASES.length + 1);
    const healthy = result(0);
    const fault = faultOf(n);
    const suspect = LINES.find(({ key }) => key === model.get("suspect"))?.key ?? "";
    if (n && suspect === fault && !solved.shown.has(n)) solved.found.add(n);
    const told = n ? words(CASES[n - 1].words, { T: net.T, excess: net.T - 1 }).split("\n") : [];
    return { ...net, net, number: n, code: CASES[n - 1], fault, suspect, solved: solved.has(n), told, healthy, ...result(n, healthy) };
  };
}

/** The lines of Python that check the gradient of a case, and what they import. */
function pythonOf(n) {
  const name = n && CASES[n - 1].words.replace("mistake_", "");
  return {
    plain: [
      "x, y = vocab.encode(text[:-1]), vocab.encode(text[1:])",
      "h0 = rnn.forward(params, x).h[-1]",
      ...(name ? [
        `mistake = next(mistake for mistake in MISTAKES if mistake.name == "${name}")`,
        "forward, backward = patched(mistake)",
      ] : ["forward, backward = rnn.forward, bptt.backward"]),
      'options = {"h0": h0, "forward": forward, "backward": backward, "method": "central"}',
      "report = check_gradients(params, x, y, **options)",
    ],
    imports: {
      rnnlib: ["Vocabulary", "check_gradients", "rnn", ...(name ? [] : ["bptt"])],
      ...(name ? { "rnnlib.mistakes": ["MISTAKES", "patched"] } : {}),
    },
  };
}

/** The row that shares the figure; current() is the state that is shown. */
function shareDetective({ el, root, model, words, change, current }) {
  return shareRow({
    el, root, model, words, change, figure: "GradientDetective",
    spec: {
      ...linkedNetwork(model, LIMITS), case: linkedWhole(0, CASES.length, DEFAULTS.case),
      suspect: linkedChoice(["", ...LINES.map(({ key }) => key)], DEFAULTS.suspect),
    },
    shown: () => current() && { ...shownNetwork(current()), case: current().number, suspect: current().suspect },
    said: () => words(current().number ? "detective_picture" : "detective_picture_healthy", { ...current(), case: current().number }),
    place: () => `case${current().number}`,
    python: () => pythonOf(current().number),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const current = () => state;
  const solved = solvedCases(words);
  const stateOf = statesOf(model, words, solved);
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "case", "suspect"], schedule);
  const go = (n) => change({ case: n, suspect: solved.found.has(n) ? faultOf(n) : "" });

  const fields = networkFields({ model, words, change, limits: LIMITS });
  const head = [buildChooser(words, current, solved, go), buildSummary(words, solved)];
  const panels = [buildMaps(words), buildTraining(words), buildLines(words, (suspect) => change({ suspect })), buildVerdict(words, tell)];
  const setting = make("p");
  const root = make("div", { className: "rnn rnn-detective", role: "group" },
    fields.node, ...head.map(({ node }) => node),
    make("div", { className: "rnn-panels" }, ...panels.map(({ node }) => node)),
    make("div", { className: "rnn-foot" }, setting));
  root.setAttribute("aria-label", words("detective_figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    state = stateOf(net, state);
    state.dark = isDark(root);
    for (const part of [fields, ...head, ...panels]) part.draw(state);
    setText(setting, words("detective_setting", { T: state.T }));
  }

  /** The reader asks for the line at fault. */
  function tell() {
    if (!state?.fault || state.solved) return;
    solved.shown.add(state.number);
    schedule();
  }

  const unshare = shareDetective({ el, root, model, words, change, current });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
