/**
 * A tape of gates as a drawing: nodes that can be pressed, and edges that show what they carry forward and back. Time
 * runs down. The four columns hold the inputs, the states, the outputs and the losses, as in plots.plot_graph.
 */

import { visible } from "../model/format.js";
import { colour } from "../ui/colour.js";
import { keep, make, setText, svg } from "../ui/dom.js";
import { math, sub } from "../ui/mathml.js";
import { GRID } from "./facts.js";

const HEIGHT = 560; // of the drawing, px

const BOX_HEIGHT = 34;

const LOSS_HEIGHT = 50; // with its value between its name and its gate

const ROOMY = 415; // px; from this width on there is room for the numbers of vectors

const NUMBER = [31, 13];

const COLUMN_SHARES = [0.115, 0.378, 0.66, 0.905]; // of the width

const SHIFT = 3; // of either of two opposite arrows from the middle between them

const SUM_SIDES = { U: 1, W: 1, V: -1 }; // of the box, where there is room for the sum of its gradients

const GAP = SHIFT + 3; // from that middle to the numbers

const NODE_STATES = ["waiting", "computed", "complete"];

/** Column and row of a node on the grid, as formulations/_grid.py places it. */
function placeOf(name) {
  if (name in GRID.places) return GRID.places[name];
  const [letters, index] = name.split("_");
  const [column, below] = GRID.steps[letters];
  return [column, GRID.rows * Number(index) + below];
}

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

/** A number in at most six characters, none but 0 as 0. */
function brief(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const text = size >= 1e5 ? size.toExponential(0) : size >= 10 ? size.toFixed(0) : size >= 0.1 ? size.toFixed(2) : size >= 0.001 ? size.toFixed(3) : size.toExponential(0);
  return `${value < 0 ? "−" : ""}${text.replace("+", "").replace("-", "−")}`;
}

/** The corners of the line of an edge, the point where its numbers are drawn, and whether the line is upright there.
 * @returns {{points: number[][], middle: any, upright: boolean}} */
function lineOf([x1, y1, height1], [x2, y2, height2], box, pitch, lane) {
  const width = box / 2;
  if (lane) { // around the edge from the state to its output
    const [x, turn] = [x2 + width + lane, y1 + GRID.turn * pitch];
    const points = [[x1, y1 + height1 / 2], [x1, turn], [x, turn], [x, y2], [x2 + width, y2]];
    return { points, middle: [x1, y1 + 0.9 * pitch], upright: true };
  }
  const upright = x1 === x2;
  const way = Math.sign(x2 - x1 || y2 - y1);
  const points = upright ? [[x1, y1 + (way * height1) / 2], [x2, y2 - (way * height2) / 2]] : [[x1 + way * width, y1], [x2 - way * width, y2]];
  return { points, middle: [0, 1].map((i) => (points[0][i] + points[1][i]) / 2), upright };
}

/** An arrow along the points, shifted to the right of its direction. */
function arrow(points, className, shift = SHIFT) {
  const moved = points.map(([x, y], i) => {
    let [dx, dy] = [0, 0];
    for (const [from, to] of [[points[i - 1], points[i]], [points[i], points[i + 1]]]) {
      if (!from || !to) continue;
      const way = [Math.sign(to[0] - from[0]), Math.sign(to[1] - from[1])];
      // at a corner two directions meet and shift it both across and down; the ends of a line have one direction
      dx = dx || -way[1] * shift;
      dy = dy || way[0] * shift;
    }
    return [x + dx, y + dy];
  });
  const [[x0, y0], [x, y]] = moved.slice(-2);
  const [dx, dy] = [Math.sign(x - x0), Math.sign(y - y0)];
  const head = `M${x} ${y}l${-7 * dx - 3.5 * dy} ${-7 * dy + 3.5 * dx}l${7 * dy} ${-7 * dx}z`;
  const line = `M${moved.map((point) => point.join(" ")).join("L")}`;
  return svg("g", { class: className },
    svg("path", { class: "rnn-graph-halo", d: line }), svg("path", { class: "rnn-graph-line", d: line }),
    svg("path", { class: "rnn-graph-head", d: head }));
}

/** Width and height of a cell: with room for its number if the drawing is wide enough, else a square. */
const cellSize = (columns, { cell, square }) => (cell && columns === 1 ? cell : [square, square]);

/** The numbers of an array next to its edge: a value to the left or above, a gradient to the right or below. */
function strip({ shape: [rows = 1, columns = 1], entries }, { middle: [x, y], upright }, side, limit, sizes, dark, sign) {
  const told = sizes.cell && columns === 1;
  const [width, height] = sign ? [14, 13] : cellSize(columns, sizes);
  const [w, h] = [columns * width, rows * height];
  const left = upright ? (side < 0 ? x - GAP - w : x + GAP) : x - w / 2;
  const top = upright ? y - h / 2 : (side < 0 ? y - GAP - h : y + GAP);
  const cells = Array.from(entries, (value, at) => {
    const [cx, cy] = [left + (at % columns) * width, top + Math.floor(at / columns) * height];
    const { fill, ink } = sign ? { fill: "none", ink: "" } : colour(value, limit, dark);
    const cell = svg("rect", { x: cx, y: cy, width, height, fill });
    const text = sign ?? (told ? brief(value) : "");
    const style = sign ? { class: "rnn-graph-id" } : { class: text.length > 5 ? "rnn-graph-long" : "", fill: ink };
    return text ? [cell, svg("text", { x: cx + width / 2, y: cy + height / 2, ...style }, text)] : [cell];
  });
  return svg("g", { class: `rnn-graph-strip ${side < 0 ? "rnn-graph-value" : "rnn-graph-gradient"}` },
    ...cells.flat(), svg("rect", { class: "rnn-graph-frame", x: left, y: top, width: w, height: h }));
}

/** The sum of the gradients that have arrived at a node, next to its box. */
function sumOf({ name, grad }, [x, y], limit, sizes, dark, words) {
  const { shape: [rows, columns] } = grad;
  const [width, height] = cellSize(columns, sizes);
  const half = (columns * width) / 2;
  const middle = x + SUM_SIDES[name] * (sizes.box / 2 + 4 + half);
  const cells = strip(grad, { middle: [middle - half - GAP, y], upright: true }, 1, limit, sizes, dark);
  cells.append(svg("text", { class: "rnn-graph-sum", x: middle, y: y - (rows * height) / 2 - 7 }, words("graph_sum")));
  return cells;
}

/** The drawing of the tape. A press on a node goes to its move: forward or backward, as the current one. */
export function buildGraph({ words, change, shown, schedule }) {
  const canvas = svg("svg", { class: "rnn-graph-edges", "aria-hidden": "true", height: HEIGHT });
  const holder = make("div", { className: "rnn-graph-nodes" });
  const node = make("div", { className: "rnn-graph", role: "group" }, canvas, holder);
  node.setAttribute("aria-label", words("graph_picture_name"));
  const graph = { canvas, holder, nodes: [], edges: [], sums: [], width: 0 };
  holder.addEventListener("click", ({ target }) => {
    const at = graph.nodes.findIndex(({ button }) => button.contains(target));
    if (at >= 0) change({ move: shown().back ? 2 * shown().N - 1 - at : at });
  });
  // Arrow keys move the focus from node to node in the order of the tape; only Enter or a press changes the move.
  holder.addEventListener("keydown", (event) => {
    const at = graph.nodes.findIndex(({ button }) => button === event.target);
    const last = graph.nodes.length - 1;
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    graph.nodes[Math.min(last, Math.max(0, to))].button.focus({ preventScroll: true });
  });
  const observer = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width && contentRect.width !== graph.width) {
      graph.width = contentRect.width;
      schedule();
    }
  });
  observer.observe(node);
  const kept = keep();
  return {
    node,
    draw(state) {
      kept(() => layOut(graph, state, words), state.tape, state.dark, graph.width);
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

export const GATE_WORDS = {
  MultiplyGate: "graph_multiply", PickGate: "graph_pick", AddGate: "graph_add", Tanh: "graph_tanh", Softmax: "graph_softmax",
};

/** Place nodes and edges, with all numbers: after a change of the network, the width or the theme. */
function layOut(graph, { tape, edges, limits, vocab, dark }, words) {
  const width = graph.width || 400;
  const roomy = width >= ROOMY;
  // A matrix has at most three columns; with them it leaves room for vectors of three numbers.
  const large = Math.max(...tape.flatMap(({ data }) => data.shape)) === 3;
  const square = Math.min(roomy && large ? 11 : 14, Math.floor((COLUMN_SHARES[0] * width - 7) / 3));
  const sizes = { box: roomy ? 50 : 44, cell: roomy ? NUMBER : null, square };
  const places = tape.map(({ name }) => placeOf(name));
  const pitch = (HEIGHT - BOX_HEIGHT - 2) / Math.max(...places.map(([, row]) => row));
  const at = places.map(([column, row], i) => (
    [Math.round(COLUMN_SHARES[column] * width), 1 + BOX_HEIGHT / 2 + row * pitch, tape[i].name === "L" ? LOSS_HEIGHT : BOX_HEIGHT]));
  const lane = 0.3 * ((COLUMN_SHARES[2] - COLUMN_SHARES[1]) * width - sizes.box);
  graph.canvas.setAttribute("width", width);
  const focused = graph.nodes.findIndex(({ button }) => button === document.activeElement);
  while (graph.nodes.length > tape.length) graph.nodes.pop().button.remove();
  if (focused >= tape.length) graph.nodes.at(-1).button.focus({ preventScroll: true });
  while (graph.nodes.length < tape.length) {
    const [symbol, under] = [make("span", { className: "rnn-graph-name" }), make("span", { className: "rnn-graph-gate" })];
    const loss = make("span", { className: "rnn-graph-loss" });
    const picture = make("span", { className: "rnn-graph-picture", role: "img" }, symbol, loss, under);
    const button = make("button", { type: "button", className: "rnn-graph-node" }, picture);
    graph.holder.append(button);
    graph.nodes.push({ button, picture, symbol, under, loss });
  }
  tape.forEach((node, i) => {
    const { button, symbol, under, loss } = graph.nodes[i];
    if (symbol.named !== node.name) symbol.replaceChildren(math("math", nameMath(node.name)));
    symbol.named = node.name;
    setText(under, underName(node, vocab, words));
    const [x, y, height] = at[i];
    const place = { left: x - sizes.box / 2, top: y - height / 2, width: sizes.box, height };
    for (const [side, length] of Object.entries(place)) button.style[side] = `${length}px`;
    loss.hidden = node.name !== "L"; // no node uses the loss, so no edge shows its value
    setText(loss, loss.hidden ? "" : brief(node.data.entries[0]));
  });
  graph.edges = edges.map((edge) => {
    const [parent, child] = [tape[edge.parent], tape[edge.child]];
    const around = parent.name === "W" && child.name !== "W h_0";
    const line = lineOf(at[edge.parent], at[edge.child], sizes.box, pitch, around ? lane : 0);
    if (!line.upright && child.operation === "MultiplyGate" && parent.name !== "W") line.middle[0] += lane / 2; // next to the lane
    const id = !edge.grad;
    const sign = id ? visible(vocab[parent.data.entries[0]]) : undefined;
    const parts = [arrow(line.points, "rnn-graph-forward", id ? 0 : SHIFT), strip(parent.data, line, -1, limits.value, sizes, dark, sign)];
    if (!id) parts.push(arrow([...line.points].reverse(), "rnn-graph-back"), strip(edge.grad, line, 1, limits.grad, sizes, dark));
    return { ...edge, group: svg("g", { class: "rnn-graph-edge" }, ...parts) };
  });
  graph.sums = tape.flatMap((node, i) => {
    const children = edges.filter(({ parent }) => parent === i).map(({ child }) => child);
    if (!(node.name in SUM_SIDES) || children.length < 2) return [];
    return [{ from: Math.min(...children), group: sumOf(node, at[i], limits.grad, sizes, dark, words) }];
  });
  graph.canvas.replaceChildren(...[...graph.edges, ...graph.sums].map(({ group }) => group));
}

/** Show which nodes are computed or complete when the current move is at node `current`, forward or backward. */
function showMove(graph, { tape, current, back }, words) {
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
  for (const { from, group } of graph.sums) group.classList.toggle("rnn-graph-summed", back && current <= from);
  for (const { child, group } of graph.edges) {
    group.classList.toggle("rnn-graph-carried", back || child <= current);
    group.classList.toggle("rnn-graph-returned", back && child >= current);
    group.classList.toggle("rnn-graph-active", child === current);
  }
}
