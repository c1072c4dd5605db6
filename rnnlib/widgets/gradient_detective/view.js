/**
 * The view of GradientDetective: the errors of a gradient whose code is wrong somewhere, its training, and the lines to
 * pick from. LINES, CASES with their wrong functions, TRAINING, TOLERANCE, LIMITS and DEFAULTS come from
 * gradient_detective/__init__.py.
 */

import { number } from "../model/format.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { linkedChoice, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildAbout, buildLegend, buildLines, buildMaps, buildTraining, listed } from "./board.js";
import { CASES, SUSPECTS } from "./cases.js";
import { evaluate, sequences } from "./evidence.js";
import { DEFAULTS, LIMITS } from "./facts.js";
import { CHECKED_GRADIENTS } from "./hints.js";
import { buildVerdict } from "./verdict.js";

/** The cases that are solved: the reader found all lines at fault, or asked for the answer. */
function solvedCases(words) {
  const [found, shown] = [new Set(), new Set()];
  const hits = Array.from({ length: CASES.length + 1 }, () => new Set()); // case -> the lines at fault that were picked
  const has = (n) => found.has(n) || shown.has(n);
  const title = (n) => words(CASES[n - 1].words, {}).split("\n")[0];
  const nameOf = (n) => {
    if (!n) return words("detective_healthy");
    if (has(n)) return words("detective_solved", { n, title: title(n) });
    return words(CASES[n - 1].batch > 1 ? "detective_hidden_batch" : "detective_hidden", { n });
  };
  /** Take note of the lines that are picked; returns those at fault that were picked in this case so far. */
  const take = (n, picked) => {
    const faults = faultsOf(n);
    for (const key of picked) if (faults.includes(key)) hits[n].add(key);
    if (n && !shown.has(n) && faults.every((key) => hits[n].has(key))) found.add(n);
    return hits[n];
  };
  return { found, shown, has, nameOf, take };
}

const BATCHES = ["detective_one", "detective_two"]; // the words for one sequence, and for two

/** The keys of the words for the figure as an image: of a case, and of the healthy code. */
const PICTURES = [
  ["detective_picture", "detective_picture_healthy"], ["detective_picture_batch", "detective_picture_healthy_batch"],
];

const faultsOf = (n) => CASES[n - 1]?.faults ?? [];

/** The case that is shown, with buttons that lead to the next and compare, and how many sequences are read. */
function buildChooser(words, current, solved, { go, toggle, read }) {
  const batches = make("select", {}, ...BATCHES.map((key, i) => make("option", { value: i + 1 }, words(key))));
  batches.addEventListener("change", () => read(Number(batches.value)));
  const choice = make("select", {}, ...[null, ...CASES].map((_, n) => make("option", { value: n })));
  const steps = player(words, () => current() && [current().number, CASES.length + 1], go,
    { previous: "detective_previous", next: "detective_next" });
  const compared = make("button", { type: "button", className: "rnn-button" }, words("detective_compare"));
  compared.addEventListener("click", toggle);
  choice.addEventListener("change", () => go(Number(choice.value)));
  return {
    node: make("div", { className: "rnn-steps" },
      field(words, "detective_case", choice).node, ...steps.nodes.slice(1), compared,
      field(words, "detective_batch", batches).node),
    draw({ number: n, B, comparing }) {
      batches.value = String(B);
      [...choice.options].forEach((option, i) => setText(option, solved.nameOf(i)));
      choice.value = n;
      steps.draw();
      compared.setAttribute("aria-pressed", String(comparing));
    },
  };
}

/** The case in a sentence, for those who do not see the columns. */
function buildSummary(words, solved) {
  const node = make("p", { className: "rnn-summary rnn-said", role: "status" });
  return {
    node,
    draw({ number: n, wrong, first, end, healthy }) {
      const right = CHECKED_GRADIENTS.filter((name) => !wrong.includes(name));
      setText(node, words("detective_status", {
        case: solved.nameOf(n), wrong: listed(wrong, words), right: listed(right, words),
        first: number(first), last: number(end), healthy: number(healthy.end),
      }));
    },
  };
}

/** From the traits to what is shown. What `evaluate` found is kept as long as what is read is the same. touched(): the line
 * that the reader picked last. */
function statesOf(model, words, solved, touched) {
  let results = new Map(); // case -> what was found, for the sequences of the last state
  let read;
  return (net, last) => {
    const B = 1 + inside(model.get("batch") - 1, BATCHES.length);
    if (net !== last?.net || B !== last.B) {
      results = new Map();
      read = sequences(net, B);
    }
    const result = (n, right) => {
      if (!results.has(n)) results.set(n, evaluate(net.params, read, CASES[n - 1] ?? {}, right));
      return results.get(n);
    };
    const n = inside(model.get("case"), CASES.length + 1);
    const healthy = result(0);
    const suspect = SUSPECTS.includes(model.get("suspect")) ? model.get("suspect") : "";
    const picked = suspect ? suspect.split("+") : [];
    const hits = solved.take(n, picked);
    const N = read.y.length;
    const told = n ? words(CASES[n - 1].words, { T: net.T, n: N, excess: N - 1, B }).split("\n") : [];
    return {
      ...net, net, B, form: Math.max(B, CASES[n - 1]?.batch ?? 1) - 1, ids: read.x, number: n, code: CASES[n - 1], faults: faultsOf(n), suspect, hits,
      last: picked.includes(touched()) ? touched() : picked.at(-1) ?? "",
      solved: solved.has(n), found: solved.found.size, told, healthy, ...result(n, healthy),
    };
  };
}

/** The lines of Python that check the gradient of a case on B sequences, and what they import. */
function pythonOf(n, B) {
  const { names, gallery } = CASES[n - 1] ?? { names: [], gallery: "" };
  return {
    plain: [
      ...(B > 1 ? [
        "ids = np.stack([vocab.encode(text), vocab.encode(text[::-1])], axis=1)",
        "x, y = ids[:-1], ids[1:]",
      ] : ["x, y = vocab.encode(text[:-1]), vocab.encode(text[1:])"]),
      "h0 = rnn.forward(params, x).h[-1]",
      ...(n ? [
        `named = {mistake.name: mistake for mistake in ${gallery}}`,
        `forward, backward = mutant(${names.map((name) => `named["${name}"]`).join(", ")})`,
      ] : ["forward, backward = rnn.forward, bptt.backward"]),
      'options = {"h0": h0, "forward": forward, "backward": backward, "method": "central"}',
      "report = check_gradients(params, x, y, **options)",
    ],
    imports: {
      rnnlib: ["Vocabulary", "check_gradients", "rnn", ...(n ? [] : ["bptt"])],
      ...(n ? { "rnnlib.mistakes": [gallery, "mutant"] } : {}),
    },
  };
}

/** The row that shares the figure; current() is the state that is shown. */
function shareDetective({ el, root, model, words, change, current }) {
  return shareRow({
    el, root, model, words, change, figure: "GradientDetective",
    spec: {
      ...linkedNetwork(model, LIMITS), case: linkedWhole(0, CASES.length, DEFAULTS.case),
      batch: linkedWhole(1, BATCHES.length, DEFAULTS.batch), suspect: linkedChoice(SUSPECTS, DEFAULTS.suspect),
    },
    shown: () => {
      if (!current()) return undefined;
      const { number: n, B, suspect } = current();
      return { ...shownNetwork(current()), case: n, batch: B, suspect };
    },
    said: () => {
      const { number: n, B } = current();
      return words(PICTURES[B - 1][n ? 0 : 1], { ...current(), case: n });
    },
    place: () => `case${current().number}`,
    python: () => pythonOf(current().number, current().B),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  let comparing = false;
  let touched = ""; // the line that the reader picked last
  const current = () => state;
  const solved = solvedCases(words);
  const stateOf = statesOf(model, words, solved, () => touched);
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "case", "batch", "suspect"], schedule);
  const go = (n) => {
    const suspect = solved.found.has(n) ? faultsOf(n).join("+") : "";
    change({ case: n, suspect, batch: Math.max(model.get("batch"), CASES[n - 1]?.batch ?? 1) });
  };
  const read = (B) => change({ batch: B });
  const toggle = () => {
    comparing = !comparing;
    schedule();
  };

  const fields = networkFields({ model, words, change, limits: LIMITS });
  const chooser = buildChooser(words, current, solved, { go, toggle, read });
  const summary = buildSummary(words, solved);
  const [training, maps, legend, about] = [buildTraining, buildMaps, buildLegend, buildAbout].map((build) => build(words));
  const lines = buildLines(words, pick);
  const verdict = buildVerdict(words, tell);
  const more = make("details", { className: "rnn-more" }, make("summary", {}, words("more")), fields.node, about.node);
  const root = make("div", { className: "rnn rnn-detective", role: "group" },
    chooser.node, summary.node, make("div", { className: "rnn-board" }, training.node, maps.node),
    lines.node, legend.node, verdict.node, more);
  root.setAttribute("aria-label", words("detective_figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) {
      more.open = true; // the field says what is the matter
      return;
    }
    state = stateOf(net, state);
    state.dark = isDark(root);
    state.comparing = comparing;
    for (const part of [fields, chooser, summary, training, maps, lines, legend, verdict, about]) part.draw(state);
  }

  /** The reader picked a line. With the last of several lines at fault, all of them are. */
  function pick(key) {
    if (!state) return;
    touched = key;
    const { number: n, faults } = state;
    const hits = solved.take(n, [key]);
    const all = faults.includes(key) && faults.every((fault) => hits.has(fault));
    change({ suspect: all ? faults.join("+") : key });
  }

  /** The reader asks for the answer. */
  function tell() {
    if (!state?.number || state.solved) return;
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
