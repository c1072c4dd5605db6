/**
 * A tape of gates as a drawing: nodes that can be pressed, and edges that show what they carry forward and back. A
 * gradient travels along its edge, and waits at its node until all that comes to the node is there.
 */

import { collected } from "../engine/gates.js";
import { number, quoted, slight, visible } from "../model/format.js";
import { colour } from "../ui/colour.js";
import { keep, make, setText, svg } from "../ui/dom.js";
import { roving } from "../ui/keys.js";
import { math, sub } from "../ui/mathml.js";
import { layOut, windowOn } from "./layout.js";

const TRAVEL = 400; // ms that a gradient takes along its edge
const NODE_STATES = ["waiting", "computed", "complete"];

export const GATE_WORDS = {
  MultiplyGate: "graph_multiply", PickGate: "graph_pick", AddGate: "graph_add", Tanh: "graph_tanh", Softmax: "graph_softmax",
};

/** A node's name as a formula: U x_1. */
export function nameMath(name) {
  const parts = name.split(" ").map((part) => {
    const [letter, index] = part.split("_");
    return index ? sub(letter, math("mn", index)) : math("mi", letter);
  });
  return parts.length > 1 ? math("mrow", ...parts) : parts[0];
}

/** A node's name in a sentence: U x₁. */
export function nameText(name) {
  return name.replace(/_(\d)/g, (_, digit) => "₀₁₂₃"[digit]);
}

/** A number in at most five characters, or six where it is next to nothing; none but 0 as 0. */
function brief(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const text = size >= 1e5 ? size.toExponential(0) : size >= 10 ? size.toFixed(0) : size >= 0.01 ? size.toFixed(2) : size.toExponential(0);
  return `${value < 0 ? "−" : ""}${text.replace("+", "").replace("-", "−")}`;
}

/** All numbers of an array in a sentence; its rows are parted by semicolons. */
function listed({ shape: [, columns = 1], entries }, print) {
  const numbers = Array.from(entries, (value) => print(value));
  return numbers.map((text, i) => (i ? `${i % columns || columns === 1 ? ", " : "; "}${text}` : text)).join("");
}

/** An arrow along the points. */
function arrow(points, className) {
  const [[x0, y0], [x, y]] = points.slice(-2);
  const [dx, dy] = [Math.sign(x - x0), Math.sign(y - y0)];
  const head = `M${x} ${y}l${-7 * dx - 3.5 * dy} ${-7 * dy + 3.5 * dx}l${7 * dy} ${-7 * dx}z`;
  const line = `M${points.map((point) => point.join(" ")).join("L")}`;
  return svg("g", { class: className },
    svg("path", { class: "rnn-graph-halo", d: line }), svg("path", { class: "rnn-graph-line", d: line }),
    svg("path", { class: "rnn-graph-head", d: head }));
}

/** An array in its box: each entry is a cell in its colour, and one of a vector has its number. `sign` stands for an id. */
function strip({ shape: [rows = 1, columns = 1], entries }, box, kind, limit, dark, sign) {
  const [width, height] = [box.width / columns, box.height / rows];
  const cells = Array.from(entries, (value, at) => {
    const [x, y] = [box.x + (at % columns) * width, box.y + Math.floor(at / columns) * height];
    const { fill, ink } = sign ? { fill: "none", ink: "var(--rnn-ink)" } : colour(value, limit, dark);
    const cell = svg("rect", { x, y, width, height, fill });
    const text = sign ?? (columns === 1 ? brief(value) : "");
    const narrow = text.length > 5 && !sign ? { textLength: width - 2, lengthAdjust: "spacingAndGlyphs" } : {};
    return text ? [cell, svg("text", { x: x + width / 2, y: y + height / 2, fill: ink, ...narrow }, text)] : [cell];
  });
  return svg("g", { class: `rnn-graph-strip rnn-graph-${kind}` }, ...cells.flat(), svg("rect", { class: "rnn-graph-frame", ...box }));
}

/** What a node that is used more than once has collected: first some of it, with how many have come, then the sum. */
function drawSum({ node, box, label }, { edges, limits, dark }, words) {
  const children = edges.filter(({ parent }) => parent === node).map(({ child }) => child); // the last one first
  return children.map((child, i) => {
    const come = words(i + 1 < children.length ? "graph_part" : "graph_sum", { come: i + 1, all: children.length });
    const group = strip(collected(edges, node, child), box, "gradient", limits.grad, dark);
    group.classList.add("rnn-graph-collected");
    group.append(svg("text", { class: "rnn-graph-sum", x: label.x, y: label.y, style: `text-anchor: ${label.anchor}` }, come));
    return { node, from: child, to: children[i + 1] ?? -1, group };
  });
}

/** An edge with all it can show, and the item of the list that says it in words. */
function drawEdge(edge, lines, { tape, limits, vocab, dark }) {
  const parent = tape[edge.parent];
  const sign = edge.grad ? undefined : visible(vocab[parent.data.entries[0]]).replace(/^.{3,}$/, "…"); // its box says it
  const parts = [arrow(lines.forward, "rnn-graph-forward"), strip(parent.data, lines.value, "value", limits.value, dark, sign)];
  const drawn = { ...edge, way: lines.back, item: make("li"), dot: null, gradient: null };
  if (edge.grad) {
    const [cx, cy] = lines.back.at(-1);
    drawn.gradient = strip(edge.grad, lines.gradient, "gradient", limits.grad, dark);
    drawn.dot = svg("circle", { class: "rnn-graph-dot", cx, cy, r: 5 });
    parts.push(arrow(lines.back, "rnn-graph-back"), drawn.gradient, drawn.dot);
  }
  return { ...drawn, group: svg("g", { class: "rnn-graph-edge" }, ...parts) };
}

/** What an edge has carried, in words. */
function sayEdge({ child, parent, grad }, { tape, vocab, back, current }, words) {
  const names = { parent: nameText(tape[parent].name), child: nameText(tape[child].name) };
  const { entries: [id] } = tape[parent].data;
  if (!back && child > current) return words("graph_edge_waits", names);
  if (!grad) return words("graph_edge_id", { ...names, character: quoted(vocab[id]) });
  const value = listed(tape[parent].data, number);
  if (!back || child < current) return words("graph_edge_value", { ...names, value });
  return words("graph_edge_both", { ...names, value, gradient: listed(grad, slight) });
}

/** A gradient travels along the line of its edge to where it waits; what it brings is seen when it has come, and until
 * then what its node had before. Nothing waits for it: the drawing is that of the move from the first frame on. */
function travel({ way, dot, gradient }, arriving, leaving) {
  const steps = way.map(([x, y], i) => (i ? Math.abs(x - way[i - 1][0]) + Math.abs(y - way[i - 1][1]) : 0));
  const length = steps.reduce((sum, step) => sum + step, 0);
  const [x, y] = way.at(-1);
  let gone = 0;
  const path = way.map((point, i) => {
    gone += steps[i];
    return { transform: `translate(${point[0] - x}px, ${point[1] - y}px)`, offset: gone / length };
  });
  const late = [{ opacity: 0 }, { opacity: 0, offset: 0.85 }, { opacity: 1 }];
  const stays = [{ visibility: "visible" }, { visibility: "visible", offset: 0.85 }, { visibility: "hidden", offset: 0.85 }, { visibility: "hidden" }];
  const play = (frames, groups) => groups.map((group) => group.animate(frames, { duration: TRAVEL }));
  return [dot.animate(path, { duration: TRAVEL, easing: "ease-in-out" }), ...play(late, [gradient, ...arriving]), ...play(stays, leaving)];
}

/**
 * The drawing of the tape. A press on a node goes to its move: forward or backward, as the current one. ← and → go from
 * node to node, ↑ and ↓ from move to move, and Space plays.
 *
 * @param {{words: any, change: (traits: object) => void, shown: () => any, by: (moves: number) => void, play: () => void}} parts
 */
export function buildGraph({ words, change, shown, by, play }) {
  const canvas = svg("svg", { class: "rnn-graph-edges", "aria-hidden": "true" });
  const holder = make("div", { className: "rnn-graph-nodes" });
  const list = make("ul", { className: "rnn-said" });
  const stage = make("div", { className: "rnn-graph-stage" }, canvas, holder, list);
  const node = make("div", { className: "rnn-graph", role: "group" }, stage);
  node.setAttribute("aria-label", words("graph_picture_name"));
  list.setAttribute("aria-label", words("graph_edges"));
  /** @type {any} */
  const graph = { node, stage, canvas, holder, list, nodes: [], edges: [], sums: [], layout: null, running: [], move: null };
  const go = (at) => {
    const { back, N } = shown();
    change({ move: back ? 2 * N - 1 - at : at });
  };
  holder.addEventListener("click", ({ target }) => {
    const at = graph.nodes.findIndex(({ button }) => button.contains(target));
    if (at >= 0) go(at);
  });
  holder.addEventListener("keydown", (event) => {
    const turn = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if ((!turn && event.key !== " ") || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // or the arrow would go to another node
    if (turn) by(turn);
    else if (!event.repeat) play();
    if (turn) queueMicrotask(() => graph.nodes[shown()?.current]?.button.focus({ preventScroll: true }));
  });
  holder.addEventListener("keyup", (event) => event.key === " " && event.preventDefault()); // or it would press the node
  roving(holder, () => [shown()?.current, shown()?.N], go, (at) => graph.nodes[at].button);
  const observer = new ResizeObserver(() => reveal(graph, shown(), "auto"));
  observer.observe(node);
  const kept = keep();
  return {
    node,
    draw(state) {
      kept(() => drawTape(graph, state, words), state.tape, state.dark);
      showMove(graph, state, words);
    },
    dispose: () => observer.disconnect(),
  };
}

/** The line under the name of a node: its gate, the character of an id, or the shape of an array. */
function underName({ operation, data, name }, vocab, words) {
  if (operation) return words(GATE_WORDS[operation]);
  if (!data.shape.length) return visible(vocab[data.entries[0]]);
  return name === "h_0" ? words("graph_start") : data.shape.join(" × ");
}

function buildNode() {
  const [symbol, under] = [make("span", { className: "rnn-graph-name" }), make("span", { className: "rnn-graph-gate" })];
  const loss = make("span", { className: "rnn-graph-loss" });
  const picture = make("span", { className: "rnn-graph-picture", role: "img" }, symbol, loss, under);
  return { button: make("button", { type: "button", className: "rnn-graph-node" }, picture), picture, symbol, under, loss };
}

/** Place nodes and edges, with all numbers: after a change of the network or the theme. */
function drawTape(graph, state, words) {
  const { tape, edges, vocab } = state;
  const layout = layOut(tape.map(({ name, data }) => ({ name, shape: data.shape })), edges.map((edge) => ({ ...edge, back: Boolean(edge.grad) })));
  graph.layout = layout;
  graph.move = null;
  for (const side of ["width", "height"]) {
    graph.canvas.setAttribute(side, layout[side]);
    graph.stage.style[side] = `${layout[side]}px`;
  }
  const focused = graph.nodes.findIndex(({ button }) => button.matches(":focus"));
  while (graph.nodes.length > tape.length) graph.nodes.pop().button.remove();
  if (focused >= tape.length) graph.nodes.at(-1).button.focus({ preventScroll: true });
  while (graph.nodes.length < tape.length) {
    const made = buildNode();
    graph.holder.append(made.button);
    graph.nodes.push(made);
  }
  tape.forEach((node, i) => {
    const { button, symbol, under, loss } = graph.nodes[i];
    if (symbol.named !== node.name) symbol.replaceChildren(math("math", nameMath(node.name)));
    symbol.named = node.name;
    setText(under, underName(node, vocab, words));
    const { x, y, width, height } = layout.boxes[i];
    for (const [side, length] of Object.entries({ left: x, top: y, width, height })) button.style[side] = `${length}px`;
    loss.hidden = node.name !== "L"; // no node uses the loss, so no edge shows its value
    setText(loss, loss.hidden ? "" : brief(node.data.entries[0]));
  });
  graph.edges = edges.map((edge, i) => drawEdge(edge, layout.edges[i], state));
  graph.sums = layout.sums.flatMap((sum) => drawSum(sum, state, words));
  graph.canvas.replaceChildren(...[...graph.edges, ...graph.sums].map(({ group }) => group));
  graph.list.replaceChildren(...graph.edges.map(({ item }) => item));
}

/** Bring the current node and its parents into sight where the drawing is wider than its window, and if there is room
 * the nodes that it went into. */
function reveal({ node, layout }, state, behavior) {
  if (!layout || !node.clientWidth || layout.width <= node.clientWidth) return;
  const { edges, current } = state;
  const near = (one, other) => edges.filter((edge) => edge[one] === current).map((edge) => edge[other]);
  const boxes = [current, ...near("child", "parent"), ...near("parent", "child")].map((i) => layout.boxes[i]);
  const left = windowOn(boxes, node.scrollLeft, node.clientWidth);
  if (left !== node.scrollLeft) node.scrollTo({ left, behavior });
}

/** Show which nodes are computed or complete when the current move is at node `current`, forward or backward. */
function showMove(graph, state, words) {
  const { tape, current, back, move } = state;
  if (graph.move === move) return;
  graph.nodes.forEach(({ button, picture, under, loss }, i) => {
    const done = back ? (i >= current && tape[i].grad ? 2 : 1) : (i <= current ? 1 : 0); // ids have no gradient
    button.dataset.state = NODE_STATES[done];
    const told = done && loss.textContent ? [under.textContent, loss.textContent] : [under.textContent];
    picture.setAttribute("aria-label", words("graph_node", {
      name: nameText(tape[i].name), kind: told.join(", "), state: words(["graph_waiting", "graph_computed", "graph_complete"][done]),
    }));
    if (i === current) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    button.tabIndex = i === current ? 0 : -1;
  });
  for (const { from, to, group } of graph.sums) {
    group.classList.toggle("rnn-graph-summed", back && current <= from && current > to);
    group.classList.toggle("rnn-graph-leaves", back && current === to);
  }
  for (const edge of graph.edges) {
    const { child, parent, group, dot, item } = edge;
    group.classList.toggle("rnn-graph-carried", back || child <= current);
    group.classList.toggle("rnn-graph-returned", back && child >= current);
    group.classList.toggle("rnn-graph-active", child === current);
    // What has come waits until all that comes to the node is there: then it is the node's turn.
    dot?.classList.toggle("rnn-graph-waits", back && child >= current && parent < current);
    setText(item, sayEdge(edge, state, words));
  }
  follow(graph, state);
}

/** Let the gradients of a next move back travel, and keep the current node in sight. Any other move is there at once. */
function follow(graph, state) {
  const { move, back, current } = state;
  for (const animation of graph.running) animation.cancel();
  const [next, moved] = [move - 1 === graph.move, graph.move !== null];
  graph.move = move;
  const calm = !moved || matchMedia("(prefers-reduced-motion: reduce)").matches;
  reveal(graph, state, next && !calm ? "smooth" : "auto");
  const sums = (edge, end) => graph.sums.filter((sum) => sum.node === edge.parent && sum[end] === current).map(({ group }) => group);
  graph.running = next && back && !calm ? graph.edges.filter(({ child, dot }) => child === current && dot).flatMap((edge) => (
    travel(edge, sums(edge, "from"), sums(edge, "to")))) : [];
}
