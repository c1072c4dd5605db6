/**
 * The loss of a network of one unit over its weight and its bias, the wall in it, and gradient descent on it:
 * h_t = tanh(w h_{t-1} + b), L = (h_T - TARGET)².
 */

import { BIASES, FIRST, TARGET, WEIGHTS } from "./cliff_facts.js";

/**
 * @typedef {{w: number, b: number, loss: number, dw: number, db: number}} Point
 * @typedef {{w: number[], b: number[]}} Box  the ranges of w and b
 * @typedef {{rate: number, clip?: number, clipping?: string}} Rule  no clip: plain descent
 */

export const WHOLE = { w: WEIGHTS, b: BIASES };
const NEAR = 1e-4; // far less than a shade of the map
const ALIKE = 0.05; // states
const SPARE = 1.3; // a close-up is so many times as large as what it must show
const [WIDEST, CLOSEST] = [2, 40]; // how many times it magnifies

/** The states h_0 … h_T. */
export function states(w, b, steps) {
  const h = new Float64Array(steps + 1);
  h[0] = FIRST;
  for (let t = 1; t <= steps; t++) h[t] = Math.tanh(w * h[t - 1] + b);
  return h;
}

function lastState(w, b, steps) {
  let h = FIRST;
  for (let t = 0; t < steps; t++) h = Math.tanh(w * h + b);
  return h;
}

export const lossAt = (w, b, steps) => (lastState(w, b, steps) - TARGET) ** 2;

/** The loss at a place and its gradient.
 * @returns {Point} */
export function pointAt(w, b, steps) {
  const h = states(w, b, steps);
  let [dh, dw, db] = [2 * (h[steps] - TARGET), 0, 0];
  for (let t = steps; t > 0; t--) {
    const da = dh * (1 - h[t] * h[t]);
    dw += da * h[t - 1];
    db += da;
    dh = da * w;
  }
  return { w, b, loss: (h[steps] - TARGET) ** 2, dw, db };
}

/** How far one update moves from a point, in w and in b.
 * @param {Point} point
 * @param {Rule} rule */
export function move({ dw, db }, { rate, clip = 0, clipping }) {
  const within = (value) => Math.min(clip, Math.max(-clip, value));
  if (clip && clipping === "value") return [-rate * within(dw), -rate * within(db)];
  const length = Math.hypot(dw, db);
  const share = clip && length > clip ? clip / length : 1;
  return [-rate * (dw * share), -rate * (db * share)];
}

/** The points of gradient descent: where it starts, and that after each update.
 * @param {{w: number, b: number, steps: number, updates: number} & Rule} start
 * @returns {Point[]} */
export function walk({ w, b, steps, updates, ...rule }) {
  const points = [pointAt(w, b, steps)];
  while (points.length <= updates) {
    const here = points[points.length - 1];
    const [right, up] = move(here, rule);
    points.push(pointAt(here.w + right, here.b + up, steps));
  }
  return points;
}

/** The b at which the last state is 0, for one w above 0: h_T only rises with b. Halves until the interval is not longer
 * than `close`. */
export function wallAt(w, steps, close = 0) {
  let [low, high] = [-1, w]; // with b = w every state after h_0 is positive, with b = -1 none is
  for (;;) {
    const middle = (low + high) / 2;
    if (!(high - low > close && middle > low && middle < high)) return low;
    if (lastState(w, middle, steps) < 0) low = middle;
    else high = middle;
  }
}

/** The last state, to within NEAR: one that hardly moves, where the next ones move less and less, has arrived. */
function settledState(w, b, steps) {
  let h = FIRST;
  for (let t = 0; t < steps; t++) {
    const next = Math.tanh(w * h + b);
    if (Math.abs(next - h) < NEAR * (1 - w * (1 - next * next))) return next; // the sum of all further moves is below NEAR
    h = next;
  }
  return h;
}

/** The losses at the middles of the cells of a box, row by row from the highest b, as closely as a picture shows them: h_T only
 * rises with b, so between two cells of a column with nearly the same state the others are filled in.
 * @param {Box} box */
export function lossMap({ w, b }, columns, rows, steps) {
  const losses = new Float64Array(rows * columns);
  const column = new Float64Array(rows); // states
  for (let j = 0; j < columns; j++) {
    const right = w[0] + ((j + 0.5) * (w[1] - w[0])) / columns;
    const at = (i) => settledState(right, b[1] - ((i + 0.5) * (b[1] - b[0])) / rows, steps);
    const fill = (first, last) => {
      if (last - first < 2) return;
      const [start, end] = [column[first], column[last]];
      if (start - end < ALIKE) {
        for (let i = first + 1; i < last; i++) column[i] = start + ((end - start) * (i - first)) / (last - first);
        return;
      }
      const middle = (first + last) >> 1;
      column[middle] = at(middle);
      fill(first, middle);
      fill(middle, last);
    };
    column[0] = at(0);
    column[rows - 1] = at(rows - 1);
    fill(0, rows - 1);
    for (let i = 0; i < rows; i++) losses[i * columns + j] = (column[i] - TARGET) ** 2;
  }
  return losses;
}

/** The losses along the line through a point in the direction of a move, at 2 half + 1 places as far as `reach` both ways. */
export function slice({ w, b }, [right, up], reach, half, steps) {
  const length = Math.hypot(right, up);
  const [across, along] = length ? [right / length, up / length] : [0, 1]; // a point that does not move looks upward
  return Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const far = (reach * (i - half)) / half;
    return lossAt(w + far * across, b + far * along, steps);
  });
}

/** A part of the map, of the same proportions, with all points in it that the map has, if it is not too large then.
 * @param {Point[]} points
 * @returns {Box} */
export function closeUp(points) {
  const ranges = Object.entries(WHOLE).map(([name, [low, high]]) => {
    const values = points.map((point) => Math.min(high, Math.max(low, point[name])));
    return { name, low, high, least: Math.min(...values), most: Math.max(...values) };
  });
  const fits = ranges.map(({ low, high, least, most }) => (high - low) / (SPARE * (most - least)));
  const zoom = Math.min(CLOSEST, Math.max(WIDEST, Math.min(...fits)));
  return /** @type {Box} */ (Object.fromEntries(ranges.map(({ name, low, high, least, most }) => {
    const size = (high - low) / zoom;
    const start = Math.min(high - size, Math.max(low, (least + most - size) / 2));
    return [name, [start, start + size]];
  })));
}
