/**
 * The view of GraphStepper: the tape as a drawing, and below it all numbers of the current node.
 */

import { collected, tapeEdges, tapeLoss } from "../engine/gates.js";
import { number, quoted, slight } from "../model/format.js";
import { checkWhole, inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { extent, paint, ramp } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { formula, math } from "../ui/mathml.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { DEFAULTS, LIMITS, NODES } from "./facts.js";
import { buildGraph, GATE_WORDS, nameMath, nameText } from "./graph.js";

const lastMove = (traits) => 2 * NODES[lastStep(traits) + 1] - 1;

const UNKNOWN = "·"; // instead of a number that is not computed yet at this move

const isId = ({ operation, data }) => !operation && !data.shape.length;

const gradMath = ({ name }) => (name.includes(" ")
  ? math("mrow", math("mi", "d"), "(", nameMath(name), ")")
  : math("mrow", math("mi", "d"), nameMath(name)));

const raised = ({ name }, sign) => {
  const [letter, index] = name.split("_");
  return index ? math("msubsup", letter, math("mn", index), sign) : math("msup", letter, sign);
};

const yhatMath = () => math("mover", "y", "^");

const space = () => math("mspace");

/** What a gate computes from its parents. */
function rightSide({ operation, parents }) {
  const [first, second] = parents.map(({ name }) => nameMath(name));
  return {
    MultiplyGate: () => [first, second],
    PickGate: () => [first, second],
    AddGate: () => (second ? [first, "+", second] : [first]),
    Tanh: () => ["tanh", space(), first],
    Softmax: () => ["−", "ln", space(), math("mi", "softmax"), "(", first, ")", "[", second, "]"],
  }[operation]();
}

/** What a node with the gradient dz hands to each of its parents. */
function handedSides(node) {
  const { operation, parents: [first, second] } = node;
  const dz = () => gradMath(node);
  return {
    MultiplyGate: () => [[dz(), raised(second, "⊤")], [raised(first, "⊤"), dz()]],
    PickGate: () => [[dz(), raised(second, "⊤")]],
    AddGate: () => node.parents.map(() => [dz()]),
    Tanh: () => [[dz(), "⊙", "(", math("mn", "1"), math("mo", "−"), raised(node, math("mn", "2")), ")"]],
    Softmax: () => [[dz(), "(", yhatMath(), math("mo", "−"), nameMath(second.name), ")"]],
  }[operation]();
}

/** An array under its caption; null for one that is not computed yet, which has the shape of `like`. */
function block(caption, array, like, limit, dark, print) {
  const { shape: [, columns = 1] } = like;
  const grid = make("div", { className: "rnn-array-cells" });
  for (const i of like.entries.keys()) {
    const cell = make("span", { className: "rnn-number rnn-array-cell" });
    paint(cell, array ? array.entries[i] : 0, limit, dark, array ? print : () => UNKNOWN);
    grid.append(cell, (i + 1) % columns ? " " : "\n"); // a grid does not show it; it keeps copied numbers apart
  }
  grid.style.gridTemplateColumns = `repeat(${columns}, auto)`;
  return make("div", { className: "rnn-array" }, make("div", { className: "rnn-array-name" }, ...caption), grid);
}

/** All numbers of the current node. */
function buildPanel({ words }) {
  const head = make("div", { className: "rnn-title" });
  const equation = make("div", { className: "rnn-formula" });
  const section = (key) => {
    const arrays = make("div", { className: "rnn-arrays" });
    return { arrays, node: make("section", {}, make("div", { className: "rnn-label" }, words(key)), arrays) };
  };
  const [forward, gradient, handed] = ["graph_forward", "graph_gradient", "graph_handed"].map(section);
  handed.arrays.classList.add("rnn-arrays-pairs");
  const node = make("div", { className: "rnn-panel rnn-graph-panel" },
    make("div", { className: "rnn-graph-head" }, head, equation), forward.node, gradient.node, handed.node);
  const panel = { head, equation, forward, gradient, handed };
  return { node, draw: (state) => drawPanel(panel, state, words) };
}

function drawPanel(panel, { tape, edges, limits, current, back, vocab, dark }, words) {
  const node = tape[current];
  const value = (name, { data }) => block([formula(name)], data, data, limits.value, dark, number);
  const gradient = (caption, array, like) => block(caption, array, like, limits.grad, dark, slight);
  const note = (key, values) => make("p", { className: "rnn-note" }, words(key, values));
  // A sign and the array after it wrap together, so that no line ends with a sign.
  const signed = (text, array) => make("div", { className: "rnn-array-signed" }, make("span", {}, text), array);
  const idOf = ({ name, data: { entries: [id] } }) => note("graph_id_is", { name: nameText(name), character: quoted(vocab[id]), id });

  panel.head.replaceChildren(formula(nameMath(node.name)),
    ` ${node.operation ? words("graph_by", { gate: words(GATE_WORDS[node.operation]) }) : words("graph_given")}`);
  const product = node.name.includes(" ");
  const left = () => (product ? math("mi", "z") : nameMath(node.name));
  panel.equation.replaceChildren(...(node.operation ? [formula(left(), "=", ...rightSide(node))] : []));

  const inputs = node.parents.map((parent) => (isId(parent) ? idOf(parent) : value(nameMath(parent.name), parent)));
  const own = isId(node) ? idOf(node) : value(left(), node);
  panel.forward.arrays.replaceChildren(...inputs, node.operation ? signed("→", own) : own);

  const incoming = edges.filter(({ parent }) => parent === current);
  const total = () => gradient([formula(gradMath(node))], back ? node.grad : null, node.data);
  const terms = incoming.map(({ child, grad }) => (isId(node) ? null : gradient(
    [words("graph_from"), " ", formula(nameMath(tape[child].name))], back ? grad : null, node.data)));
  if (isId(node)) panel.gradient.arrays.replaceChildren(note("graph_id_none"));
  else if (!incoming.length) panel.gradient.arrays.replaceChildren(total(), note("graph_starts"));
  else if (terms.length === 1) panel.gradient.arrays.replaceChildren(terms[0], signed("=", total()));
  else panel.gradient.arrays.replaceChildren(terms[0], signed("+", terms[1]), signed("=", total()));

  const sides = node.operation ? handedSides(node) : [];
  const rows = edges.filter(({ child, grad }) => child === current && grad).reverse().map(({ parent: to, place, grad }) => {
    const parent = tape[to];
    const from = edges.filter((edge) => edge.parent === to);
    const come = back ? from.filter(({ child }) => child >= current).length : 0;
    const share = words(come < from.length ? "graph_so_far" : "graph_whole", { come, all: from.length });
    return [
      gradient([formula(gradMath(parent), math("mo", "+=")), " ", formula(...sides[place])], back ? grad : null, grad),
      gradient([formula(gradMath(parent)), ` ${share}`], back ? collected(edges, to, current) : null, grad),
    ];
  });
  panel.handed.arrays.replaceChildren(...(rows.length ? rows.flat() : [note("graph_no_parents")]));
}

/** What the move does, in words. */
function say({ tape, edges, N, current, back, vocab }, words) {
  const node = tape[current];
  const name = nameText(node.name);
  const listed = (names) => names.map(nameText).join(words("graph_and"));
  const where = words(back ? "graph_where_back" : "graph_where_forward", { i: back ? N - current : current + 1, N });
  const parents = listed(node.parents.filter((parent) => !back || !isId(parent)).map((parent) => parent.name));
  const incoming = edges.filter(({ parent }) => parent === current);
  const from = listed(incoming.map(({ child }) => tape[child].name));
  const twice = incoming.length > 1;
  const needing = nameText(tape[Math.min(...incoming.map(({ child }) => child))]?.name ?? "");
  const character = isId(node) && quoted(vocab[node.data.entries[0]]);
  let key = node.operation ? (twice ? "graph_say_sum" : "graph_say_hand") : (twice ? "graph_say_sum_end" : "graph_say_end");
  if (!incoming.length) key = "graph_say_start";
  if (!back) key = node.operation ? "graph_say_computed" : "graph_say_given";
  if (isId(node)) key = back ? "graph_say_id_back" : "graph_say_id";
  return `${where} ${words(key, { name, parents, from, character, needing })}`;
}

/** The buttons and the slider that go from move to move, and the button that goes to the first move back. */
function buildSteps({ words, change, shown }) {
  const go = (move) => change({ move });
  const buttons = player(words, () => shown() && [shown().move, 2 * shown().N], go, { previous: "graph_previous", next: "graph_next" });
  const turn = make("button", { type: "button", className: "rnn-button" }, words("graph_turn"));
  turn.addEventListener("click", () => shown() && go(shown().N));
  const slide = slider(words, "graph_move", 0, 1);
  slide.control.addEventListener("input", ({ target }) => go(Number(target.value)));
  return {
    node: make("div", { className: "rnn-steps" }, ...buttons.nodes, turn, slide.node),
    draw({ tape, N, move, back, current }) {
      const place = { i: back ? N - current : current + 1, N, name: nameText(tape[current].name) };
      slide.show(move, words(back ? "graph_said_back" : "graph_said_forward", place), 2 * N - 1);
      buttons.draw();
    },
    dispose: buttons.pause,
    play: buttons.play,
    by: buttons.by,
  };
}

/** What the move does, in words. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return { node, draw: (state) => setText(node, say(state, words)) };
}

/** The scales of the colours of values and of gradients. */
function buildLegend({ words }) {
  const scales = [["value", "graph_legend_value"], ["gradient", "graph_legend_gradient"]].map(([kind, key]) => {
    const [bar, ends] = [make("span", { className: "rnn-ramp" }), make("span", { className: "rnn-graph-ends" })];
    const sample = make("span", { className: `rnn-graph-sample rnn-graph-sample-${kind}` });
    return { node: make("p", {}, sample, " ", words(key), " ", bar, " ", ends), bar, ends };
  });
  return {
    node: make("div", { className: "rnn-foot" }, ...scales.map(({ node }) => node)),
    draw({ limits, dark }) {
      for (const [i, limit] of [limits.value, limits.grad].entries()) {
        scales[i].bar.style.background = ramp(dark);
        setText(scales[i].ends, words("graph_ends", { limit: number(limit, 2) }));
      }
    },
  };
}

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareMove({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "GraphStepper",
    spec: { ...linkedNetwork(model, LIMITS), move: linkedWhole(0, lastMove, DEFAULTS.move) },
    shown: () => shown() && { ...shownNetwork(shown()), move: shown().move },
    said: () => words("graph_picture", shown()),
    place: () => `move${shown().move + 1}`,
    python: () => ({
      plain: [
        "loss = gates.rnn_loss(gates.from_params(params), vocab.encode(text[:-1]), vocab.encode(text[1:]))",
        "loss.backward()",
        "nodes = gates.graph(loss)  # each with its value and its gradient",
      ],
      imports: { rnnlib: ["Vocabulary"], "rnnlib.formulations": ["gates"] },
    }),
  });
}

/** The tape of the network after its backward pass, the edges, and the limits of the colours of values and gradients. */
function unrolled({ params, x, y }) {
  const tape = tapeLoss(params, x, y).backward();
  const edges = tapeEdges(tape);
  const good = edges.filter(({ grad }) => grad);
  const largest = (arrays) => extent(arrays.flatMap(({ entries }) => [...entries]));
  const limits = { value: largest(good.map(({ parent }) => tape[parent].data)), grad: largest(good.map(({ grad }) => grad)) };
  return { tape, edges, N: tape.length, limits };
}

/** The network that the traits name. Like a typed text, one from elsewhere is cut to the length that the graph has room for. */
function networkOf(model, last) {
  checkWhole("hidden_size", "bad_size", model.get("hidden_size"), 1, LIMITS.hidden);
  const get = (name) => (name === "text" ? [...model.get(name)].slice(0, LIMITS.steps + 1).join("") : model.get(name));
  return network({ get }, last);
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "move"], schedule);
  const fields = networkFields({ model, words, change, limits: LIMITS, settle: ({ T = state?.T }) => (
    // A longer or shorter text has another tape, which is shown from its first move on.
    T === state?.T ? {} : { move: 0 }) });
  const given = { model, words, change, shown: () => state };
  const steps = buildSteps(given);
  const graph = buildGraph({ ...given, by: steps.by, play: steps.play });
  const [summary, legend, panel] = [buildSummary, buildLegend, buildPanel].map((build) => build(given));
  const parts = [fields, steps, summary, graph, legend, panel];
  const root = make("div", { className: "rnn rnn-grapher", role: "group" },
    steps.node, graph.node, legend.node, summary.node, panel.node, fields.node);
  root.setAttribute("aria-label", words("graph_figure"));
  el.append(root);
  const keptTape = keep();

  function draw() {
    const net = fields.guard(() => networkOf(model, state?.net));
    if (!net) return;
    const taped = keptTape(() => unrolled(net), net);
    const { N } = taped;
    const move = inside(model.get("move"), 2 * N);
    const back = move >= N;
    state = { ...net, net, ...taped, move, back, current: back ? 2 * N - 1 - move : move, dark: isDark(root) };
    root.classList.toggle("rnn-grapher-slim", Math.max(state.H, state.V) < 3); // takes less room
    for (const part of parts) part.draw(state);
  }

  const unshare = shareMove({ el, root, ...given });
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
