/**
 * Where everything in the drawing of a tape goes; nothing is drawn here. Time runs to the right. The four lanes hold the
 * losses, the outputs, the states and the inputs, from above, as in plots.plot_graph. Lengths are in px, y downwards.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Box  left, top and size
 */

import { GRID } from "./facts.js";

const BOX = [50, 34]; // of a node
const LOSS_HEIGHT = 50; // with its value between its name and its gate
const PITCH = 87; // from column to column: a box, and the numbers of a vector
const EDGE = 4; // around the drawing, for outlines
const NUMBER = [35, 14]; // a cell with its number
const SIGN = [14, 14]; // a cell with the character of an id
const SHIFT = 3; // of either of two opposite arrows from the middle between them
const GAP = SHIFT + 3; // from that middle to the numbers
const CLEAR = 5; // from the middle of an edge to numbers that are not its own
const STATES = 1; // the lane of the states
const ABOVE = ["U", "W", "V"]; // have room above their boxes for what they collect, and any other node below

/** Lane and column of a node on the grid, as formulations/_grid.py places it. */
function placeOf(name) {
  if (name in GRID.places) return GRID.places[name];
  const [letters, index] = name.split("_");
  const [lane, after] = GRID.steps[letters];
  return [lane, GRID.columns * Number(index) + after];
}

/** y of the middle of each lane, and `past`: how far from the states the line of W runs, past the numbers between them.
 * The numbers at an edge from the states to another lane are beyond it. */
function lanesFor(most) {
  const numbers = NUMBER[1] * Math.max(2, most);
  const past = GAP + numbers + CLEAR;
  const apart = past + CLEAR + numbers + 8 + BOX[1] / 2;
  const losses = EDGE + LOSS_HEIGHT / 2;
  const outputs = losses + numbers + 50;
  return { lanes: [outputs + 2 * apart, outputs + apart, outputs, losses], past };
}

/** Width and height of an array: a vector has room for its numbers, a matrix is a square for each.
 * @param {number[]} shape
 * @param {number} most */
function sizeOf(shape, most) {
  const [rows = 1, columns = 1] = shape;
  if (columns === 1) return [NUMBER[0], rows * NUMBER[1]];
  const square = most === 3 ? 11 : 14;
  return [columns * square, rows * square];
}

/** The corners of the line of an edge from box to box, and the point on it where its numbers are.
 * @param {number[]} from  x, y and height of a box
 * @param {number[]} to
 * @param {{turn: number, y: number} | false} around */
function lineOf(from, to, around) {
  const [[x1, y1, height1], [x2, y2, height2]] = [from, to];
  const half = BOX[0] / 2;
  if (around) {
    const { turn, y } = around;
    return { points: [[x1 + half, y1], [turn, y1], [turn, y], [x2, y], [x2, y2 - height2 / 2]], middle: [(x1 + half + turn) / 2, y1] };
  }
  const way = Math.sign(x2 - x1 || y2 - y1);
  const points = x1 === x2 ? [[x1, y1 + (way * height1) / 2], [x2, y2 - (way * height2) / 2]] : [[x1 + way * half, y1], [x2 - way * half, y2]];
  return { points, middle: [0, 1].map((i) => (points[0][i] + points[1][i]) / 2) };
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

/** The box of an array next to the middle of its edge: a value to the left or above, a gradient to the right or below.
 * @param {number[]} middle
 * @param {boolean} upright
 * @param {number} side
 * @param {number[]} size */
function besides(middle, upright, side, size) {
  const [[x, y], [width, height]] = [middle, size];
  const away = (length) => (side < 0 ? -GAP - length : GAP);
  return upright ? { x: x + away(width), y: y - height / 2, width, height } : { x: x - width / 2, y: y + away(height), width, height };
}

/** Where a node shows what has come of its gradient: its box, and the middle or the left end of the words with it.
 * @param {string} name
 * @param {Box} node
 * @param {number[]} size */
function collectedAt(name, { x, y, width, height }, size) {
  const [w, h] = size;
  const middle = x + width / 2;
  if (ABOVE.includes(name)) {
    const box = { x: middle - w / 2, y: y - 4 - h, width: w, height: h };
    return { box, label: { x: middle + w / 2 + 4, y: box.y + 6, anchor: "start" } };
  }
  const box = { x: middle - w / 2, y: y + height + 4, width: w, height: h };
  return { box, label: { x: middle, y: box.y + h + 8, anchor: "middle" } };
}

/**
 * @param {{name: string, shape: number[]}[]} nodes  parents before children
 * @param {{parent: number, child: number, back: boolean}[]} edges  back: whether a gradient comes back
 * @returns {{width: number, height: number, boxes: Box[], edges: {forward: number[][], back: number[][] | null,
 *   value: Box, gradient: Box | null}[], sums: {node: number, box: Box, label: {x: number, y: number, anchor: string}}[]}}
 *   the corners of both arrows of each edge, the boxes of what they carry, and where a node that is used more than once
 *   collects its gradient
 */
export function layOut(nodes, edges) {
  const most = Math.max(...nodes.flatMap(({ shape }) => shape));
  const { lanes, past } = lanesFor(most);
  const places = nodes.map(({ name }) => placeOf(name));
  const across = (column) => EDGE + BOX[0] / 2 + column * PITCH;
  const middles = places.map(([lane, column], i) => [across(column), lanes[lane], nodes[i].name === "L" ? LOSS_HEIGHT : BOX[1]]);
  const boxes = middles.map(([x, y, height]) => ({ x: x - BOX[0] / 2, y: y - height / 2, width: BOX[0], height }));
  const around = { turn: across(GRID.places.W[1] + GRID.turn), y: lanes[STATES] - past };
  const drawn = edges.map(({ parent, child, back }) => {
    const { shape, name } = nodes[parent];
    const { points, middle } = lineOf(middles[parent], middles[child], name === "W" && nodes[child].name !== "W h_0" && around);
    const size = shape.length || back ? sizeOf(shape, most) : SIGN;
    const upright = points[0][0] === points[1][0];
    if (upright && (places[parent][0] === STATES) !== (places[child][0] === STATES)) {
      middle[1] = lanes[STATES] + Math.sign(middle[1] - lanes[STATES]) * (past + CLEAR + size[1] / 2);
    }
    return {
      forward: shifted(points, back ? SHIFT : 0), value: besides(middle, upright, -1, size),
      back: back ? shifted([...points].reverse(), SHIFT) : null, gradient: back ? besides(middle, upright, 1, size) : null,
    };
  });
  const sums = nodes.flatMap(({ name, shape }, node) => (edges.filter(({ parent }) => parent === node).length > 1
    ? [{ node, ...collectedAt(name, boxes[node], sizeOf(shape, most)) }] : []));
  const width = Math.ceil(across(Math.max(...places.map(([, column]) => column))) + BOX[0] / 2 + EDGE);
  const low = Math.max(...[...boxes, ...drawn.map(({ value, gradient }) => gradient ?? value)].map((box) => box.y + box.height));
  return { width, height: low + EDGE, boxes, edges: drawn, sums };
}

/** How far a window on the drawing, so wide, must be moved from `left` to show these boxes, or else the first of them. */
export function windowOn(boxes, left, width) {
  const margin = 20; // so that it is seen that the graph goes on
  const ends = (shown) => [Math.min(...shown.map(({ x }) => x)) - margin, Math.max(...shown.map((box) => box.x + box.width)) + margin];
  const [from, to] = ends(boxes);
  if (to - from > width && boxes.length > 1) return windowOn(boxes.slice(0, -1), left, width);
  return Math.max(0, Math.min(from, Math.max(left, to - width)));
}
