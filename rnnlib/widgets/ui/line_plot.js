/**
 * Loss curves on the same axes, as a picture; the text next to it gives its numbers.
 */

import { svg } from "./dom.js";

const WIDTH = 320;

const HEIGHT = 112;

const FRAME = { left: 30, top: 6, right: 14, bottom: 18 }; // room for the ticks and their names

/** The largest of 1, 2, 5, 10, 20, 50, … that is not above `size`. */
export function roundStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * ([5, 2].find((factor) => factor * power <= size * (1 + 1e-9)) ?? 1);
}

/** Axes with one line for each class name given. */
export function buildCurves(classes, across, up) {
  const width = WIDTH - FRAME.left - FRAME.right;
  const height = HEIGHT - FRAME.top - FRAME.bottom;
  const lines = classes.map((name) => svg("polyline", { class: `rnn-curve ${name}` }));
  const ticks = svg("g", { class: "rnn-ticks" });
  // An inner svg cuts off what is outside of it.
  const inner = svg("svg", { x: FRAME.left, y: FRAME.top, width, height }, ...lines);
  const node = svg("svg", { class: "rnn-curves", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, ticks,
    svg("path", { class: "rnn-axes", d: `M${FRAME.left} ${FRAME.top}v${height}h${width}` }), inner,
    svg("text", { x: 11, y: FRAME.top + height / 2, "text-anchor": "middle",
      transform: `rotate(-90 11 ${FRAME.top + height / 2})` }, up));
  return { node, lines, ticks, width, height, across };
}

/** Draw curves of equally many numbers, from 0 to `top`; a curve ends with its last finite number. */
export function drawCurves({ lines, ticks, width, height, across }, curves, top) {
  const n = curves[0].length - 1;
  const y = (value) => height * (1 - Math.min(value / top, 20));
  lines.forEach((line, i) => {
    const reached = Array.from(curves[i]).filter(Number.isFinite);
    const points = reached.map((value, t) => `${((width * t) / n).toFixed(1)},${y(value).toFixed(1)}`);
    line.setAttribute("points", points.join(" "));
  });
  const place = (value, x, at, anchor) => svg("text", { x, y: at, "text-anchor": anchor }, String(value));
  const step = roundStep(top / 2);
  const upward = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(3)));
  ticks.replaceChildren(
    ...[0, n / 2].map((value) => place(value, FRAME.left + (width * value) / n, FRAME.top + height + 14, "middle")),
    place(`${n} ${across}`, WIDTH, FRAME.top + height + 14, "end"),
    ...upward.map((value) => place(value, FRAME.left - 4, FRAME.top + y(value) + 4, "end")),
    ...upward.slice(1).map((value) => svg("path", { class: "rnn-gridline", d: `M${FRAME.left} ${FRAME.top + y(value)}h${width}` })));
}
