/**
 * A tape of gates as a drawing: nodes that can be pressed, and edges that show what they carry forward and back. Time
 * runs to the right, and the four lanes hold the inputs, the states, the outputs and the losses, from below; where there
 * is no room for that, time runs down, and the lanes are columns, as in plots.plot_graph.
 */

import { visible } from "../model/format.js";
import { colour } from "../ui/colour.js";
import { keep, make, setText, svg } from "../ui/dom.js";
import { math, sub } from "../ui/mathml.js";
import { GRID } from "./facts.js";

const BOX = [50, 34]; // px

const LOSS_HEIGHT = 50; // with its value between its name and its gate

const ROOMY = 640; // px; from this width on time runs to the right, and there is room for the numbers of vectors

const NUMBER = [35, 14];

const COLUMN_SHARES = [0.115, 0.378, 0.66, 0.905]; // of the width, where time runs down

const TALL = 500; // px, of the drawing then

const FLAT = { slim: 310, large: 386 }; // px, of the drawing where time runs to the right; style.css knows them too

const UNSEEN = 690; // px, the width of a drawing that is not measured yet: style.css stretches it

const TRAVEL = 400; // ms that a gradient takes along its edge

const SHIFT = 3; // of either of two opposite arrows from the middle between them

/* Where there is room for the sum of the gradients of a weight, seen from its box: down and to the right of time. */
const SUM_SIDES = { tall: { U: [1, 0], W: [1, 0], V: [-1, 0] }, flat: { U: [0, -1], W: [-1, 0], V: [0, -1] } };

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

/** A number in at most five characters, or six where it is next to nothing; none but 0 as 0. */
function brief(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const text = size >= 1e5 ? size.toExponential(0) : size >= 10 ? size.toFixed(0) : size >= 0.01 ? size.toFixed(2) : size.toExponential(0);
  return `${value < 0 ? "−" : ""}${text.replace("+", "").replace("-", "−")}`;
}

/** The corners of the line of an edge, the point where its numbers are drawn, and whether the line is upright there.
 * around: {lane, turn}, the line leads around the edge from the state to its output: so far from the box at its end, and
 * it turns there in time.
 * @returns {{points: number[][], middle: any, upright: boolean}} */
function lineOf([x1, y1, height1], [x2, y2, height2], flat, around) {
  const width = BOX[0] / 2;
  if (around && flat) {
    const y = y2 - height2 / 2 - around.lane;
    const points = [[x1 + width, y1], [around.turn, y1], [around.turn, y], [x2, y], [x2, y2 - height2 / 2]];
    return { points, middle: [(x1 + width + around.turn) / 2, y1], upright: false };
  }
  if (around) {
    const x = x2 + width + around.lane;
    const points = [[x1, y1 + height1 / 2], [x1, around.turn], [x, around.turn], [x, y2], [x2 + width, y2]];
    return { points, middle: [x1, y1 + 0.67 * (around.turn - y1)], upright: true };
  }
  const upright = x1 === x2;
  const way = Math.sign(x2 - x1 || y2 - y1);
  const points = upright ? [[x1, y1 + (way * height1) / 2], [x2, y2 - (way * height2) / 2]] : [[x1 + way * width, y1], [x2 - way * width, y2]];
  return { points, middle: [0, 1].map((i) => (points[0][i] + points[1][i]) / 2), upright };
}

/** The points shifted to the right of their direction. */
function shifted(points, shift) {
  return points.map(([x, y], i) => {
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
}

/** An arrow along the points, shifted to the right of its direction. */
function arrow(points, className, shift = SHIFT) {
  const moved = shifted(points, shift);
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
    const style = sign ? { class: "rnn-graph-id" } : { fill: ink, ...(text.length > 5 ? { textLength: width - 2, lengthAdjust: "spacingAndGlyphs" } : {}) };
    return text ? [cell, svg("text", { x: cx + width / 2, y: cy + height / 2, ...style }, text)] : [cell];
  });
  return svg("g", { class: `rnn-graph-strip ${side < 0 ? "rnn-graph-value" : "rnn-graph-gradient"}` },
    ...cells.flat(), svg("rect", { class: "rnn-graph-frame", x: left, y: top, width: w, height: h }));
}

/** The sum of the gradients that have arrived at a node, next to its box. */
function sumOf({ name, grad }, [x, y], limit, sizes, dark, words) {
  const { shape: [rows, columns] } = grad;
  const [width, height] = cellSize(columns, sizes);
  const [across, down] = SUM_SIDES[sizes.flat ? "flat" : "tall"][name];
  const [half, high] = [(columns * width) / 2, (rows * height) / 2];
  const middle = [x + across * (BOX[0] / 2 + 4 + half), y + down * (BOX[1] / 2 + 4 + high)];
  const cells = strip(grad, { middle: [middle[0] - half - GAP, middle[1]], upright: true }, 1, limit, sizes, dark);
  const place = down ? { x: middle[0] + half + 4, y: middle[1], style: "text-anchor: start" } : { x: middle[0], y: middle[1] - high - 7 };
  cells.append(svg("text", { class: "rnn-graph-sum", ...place }, words("graph_sum")));
  return cells;
}

/** A gradient travels along the points to where it waits. */
function travel(dot, points) {
  const steps = points.map(([x, y], i) => (i ? Math.abs(x - points[i - 1][0]) + Math.abs(y - points[i - 1][1]) : 0));
  const length = steps.reduce((sum, step) => sum + step, 0);
  const [x, y] = points.at(-1);
  let gone = 0;
  const frames = points.map((point, i) => {
    gone += steps[i];
    return { transform: `translate(${point[0] - x}px, ${point[1] - y}px)`, offset: gone / length };
  });
  dot.animate(frames, { duration: TRAVEL });
}

/** The drawing of the tape. A press on a node goes to its move: forward or backward, as the current one. */
export function buildGraph({ words, change, shown, schedule }) {
  const canvas = svg("svg", { class: "rnn-graph-edges", "aria-hidden": "true" });
  const holder = make("div", { className: "rnn-graph-nodes" });
  const node = make("div", { className: "rnn-graph", role: "group" }, canvas, holder);
  node.setAttribute("aria-label", words("graph_picture_name"));
  const graph = { canvas, holder, nodes: [], edges: [], sums: [], width: 0, calm: matchMedia("(prefers-reduced-motion: reduce)") };
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

/** Where time runs to the right: how far from the top the lanes are, and `past`, how far the numbers at the edges between
 * the states reach from their lane. */
function lanesFor(large) {
  const numbers = NUMBER[1] * (large ? 3 : 2);
  const past = numbers + 9;
  const room = past + numbers + 3 + BOX[1] / 2; // for the numbers at upright edges between them and the box
  const losses = LOSS_HEIGHT / 2 + 1;
  const outputs = losses + numbers + 50;
  return { lanes: [outputs + 2 * room + 1, outputs + room, outputs, losses], past };
}

/** Place nodes and edges, with all numbers: after a change of the network, the width or the theme. */
function layOut(graph, { tape, edges, limits, vocab, dark }, words) {
  const width = graph.width || UNSEEN;
  const flat = width >= ROOMY;
  // A matrix has at most three columns; with them it leaves room for vectors of three numbers.
  const large = Math.max(...tape.flatMap(({ data }) => data.shape)) === 3;
  const { lanes, past } = lanesFor(large);
  const sizes = { flat, cell: flat ? NUMBER : null, square: large ? 11 : 14 };
  const places = tape.map(({ name }) => placeOf(name));
  const rows = Math.max(...places.map(([, row]) => row));
  const start = flat ? BOX[0] / 2 + 2 : BOX[1] / 2 + 1;
  const pitch = ((flat ? width : TALL) - 2 * start) / rows;
  const time = (row) => start + row * pitch;
  const at = places.map(([column, row], i) => [
    ...(flat ? [Math.round(time(row)), lanes[column]] : [Math.round(COLUMN_SHARES[column] * width), time(row)]),
    tape[i].name === "L" ? LOSS_HEIGHT : BOX[1]]);
  const lane = flat ? past - BOX[1] / 2 : 0.3 * ((COLUMN_SHARES[2] - COLUMN_SHARES[1]) * width - BOX[0]);
  const around = { lane, turn: time(GRID.places.W[1] + GRID.turn) };
  graph.canvas.setAttribute("height", flat ? FLAT[large ? "large" : "slim"] : TALL);
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
    const place = { left: x - BOX[0] / 2, top: y - height / 2, width: BOX[0], height };
    for (const [side, length] of Object.entries(place)) button.style[side] = `${length}px`;
    loss.hidden = node.name !== "L"; // no node uses the loss, so no edge shows its value
    setText(loss, loss.hidden ? "" : brief(node.data.entries[0]));
  });
  graph.edges = edges.map((edge) => {
    const [parent, child] = [tape[edge.parent], tape[edge.child]];
    const line = lineOf(at[edge.parent], at[edge.child], flat, parent.name === "W" && child.name !== "W h_0" && around);
    // The numbers of upright edges are next to the lane of W, and past those at the edges between the states.
    if (flat && line.upright && [edge.child, edge.parent].some((i) => at[i][1] === lanes[1])) {
      const half = (Math.max(parent.data.shape[0] ?? 1, 1) * cellSize(parent.data.shape[1] ?? 1, sizes)[1]) / 2;
      line.middle[1] = lanes[1] + Math.sign(line.middle[1] - lanes[1]) * (past + 1 + half);
    } else if (!flat && child.name[0] === "o" && parent.name[0] === "h") line.middle[0] += lane / 2;
    const id = !edge.grad;
    const sign = id ? visible(vocab[parent.data.entries[0]]) : undefined;
    const parts = [arrow(line.points, "rnn-graph-forward", id ? 0 : SHIFT), strip(parent.data, line, -1, limits.value, sizes, dark, sign)];
    if (id) return { ...edge, group: svg("g", { class: "rnn-graph-edge" }, ...parts) };
    const back = [...line.points].reverse();
    const way = shifted(back, SHIFT);
    const dot = svg("circle", { class: "rnn-graph-dot", cx: way.at(-1)[0], cy: way.at(-1)[1], r: 5 });
    parts.push(arrow(back, "rnn-graph-back"), strip(edge.grad, line, 1, limits.grad, sizes, dark), dot);
    return { ...edge, way, dot, group: svg("g", { class: "rnn-graph-edge" }, ...parts) };
  });
  graph.sums = tape.flatMap((node, i) => {
    const children = edges.filter(({ parent }) => parent === i).map(({ child }) => child);
    if (!(node.name in SUM_SIDES.flat) || children.length < 2) return [];
    return [{ from: Math.min(...children), group: sumOf(node, at[i], limits.grad, sizes, dark, words) }];
  });
  graph.canvas.replaceChildren(...[...graph.edges, ...graph.sums].map(({ group }) => group));
}

/** Show which nodes are computed or complete when the current move is at node `current`, forward or backward. */
function showMove(graph, { tape, current, back, move }, words) {
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
  const moving = back && move === graph.move + 1 && !graph.calm.matches;
  graph.move = move;
  for (const { child, parent, group, dot, way } of graph.edges) {
    group.classList.toggle("rnn-graph-carried", back || child <= current);
    group.classList.toggle("rnn-graph-returned", back && child >= current);
    group.classList.toggle("rnn-graph-active", child === current);
    if (!dot) continue;
    // What has arrived waits until all that comes to the node is there: then it is the node's turn.
    dot.classList.toggle("rnn-graph-waits", back && child >= current && parent < current);
    if (moving && child === current) travel(dot, way);
  }
}
