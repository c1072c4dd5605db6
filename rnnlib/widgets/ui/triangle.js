/** The triangle of contributions: a cell for the loss of each step t, in rows, and each step s that it reaches, in columns. */

import { drawPixels } from "./colour.js";
import { make } from "./dom.js";

/** A frame with the names of both axes around an empty triangle; what is put into `square` lies on top of it. `below`: nodes
 * under it that have the same columns. */
export function buildTriangle(words, ...below) {
  const canvas = make("canvas", { className: "rnn-square-cells" });
  canvas.setAttribute("aria-hidden", "true"); // what is next to it says the same
  const square = make("div", { className: "rnn-square" }, canvas);
  const axis = (name) => make("span", { className: "rnn-axis", "aria-hidden": "true" }, words(name));
  return {
    node: make("div", { className: "rnn-square-frame" }, axis("back_axis_t"), square, ...below, axis("back_axis_s")),
    square, canvas,
    /** bytes(t, s) gives red, green and blue */
    draw: (T, bytes) => drawPixels(canvas, T, T, (t, s) => (s > t ? null : bytes(t, s))),
  };
}
