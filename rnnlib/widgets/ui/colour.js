/** The colour scales, and cells painted with them: one by one, as a stripe, or as the pixels of a canvas. Their ends come
 * from the table in rnnlib/_tokens.py. */

import { number } from "../model/format.js";
import { setText } from "./dom.js";
import { CUT, RAMPS, STEPS } from "./tokens.js";

/** A colour of the OKLab space for CSS and canvases. The ink on a cell is black or white, whichever contrasts more: at
 * least 4.5 : 1 on every cell.
 * @param {number[]} point */
function oklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (v) => Math.min(1, Math.max(0, v));
  const rgb = [
    clamp(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clamp(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clamp(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
  const luminance = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
  const bytes = rgb.map((v) => Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055)));
  return { bytes, fill: `rgb(${bytes.join(",")})`, ink: luminance > 0.179 ? "black" : "white" };
}

/** The colours of a ramp from zero to its end: equal steps of the OKLab space, which look equal.
 * @param {number[][]} ends */
function colours([start, end]) {
  return Array.from({ length: STEPS + 1 }, (_, k) => oklab(start.map((p, i) => p + (end[i] - p) * (k / STEPS))));
}

const SCALES = Object.fromEntries(Object.entries(RAMPS).map(([mode, { negative, positive, ...others }]) => {
  const signed = [...colours(negative).reverse().slice(0, -1), ...colours(positive)];
  return [mode, { signed, ...Object.fromEntries(Object.entries(others).map(([name, ends]) => [name, colours(ends)])) }];
}));

const scaleOf = (name, dark) => SCALES[dark ? "dark" : "light"][name];

/** The colour of a value on the diverging scale from -limit to limit: {fill, ink} for CSS, bytes for pixels. */
export function colour(value, limit, dark) {
  const x = Math.round((STEPS * value) / limit);
  return scaleOf("signed", dark)[STEPS + Math.max(-STEPS, Math.min(STEPS, x || 0))];
}

/** The colour of a share from 0 to 1 on a ramp: "length" of a gradient; "grey" for probabilities, losses and errors;
 * "damping" from a slope of 1 to one of 0. */
export function shade(share, name, dark) {
  return scaleOf(name, dark)[Math.max(0, Math.min(STEPS, Math.round(STEPS * share) || 0))];
}

/** Red, green and blue of cells that are cut, 0 to 255. */
export const cutBytes = (dark) => CUT[dark ? "dark" : "light"];

/** A scale as a background, for a legend. Between every eighth colour the browser finds the others. */
export function ramp(dark, name = "signed") {
  const some = scaleOf(name, dark).filter((_, i) => i % 8 === 0);
  return `linear-gradient(90deg, ${some.map(({ fill }) => fill).join(",")})`;
}

/** The largest size of a number in the array: the limit of its colour scale. Never zero. */
export function extent(array) {
  let limit = 1e-300;
  for (const value of array) if (Math.abs(value) > limit) limit = Math.abs(value);
  return limit;
}

/** Paint a cell: its number, and its colour on the scale from -limit to limit. */
export function paint(cell, value, limit, dark, print = number) {
  const { fill, ink } = colour(value, limit, dark);
  setText(cell, print(value).padStart(7));
  if (cell.fill !== fill) {
    cell.fill = fill; // what was set last; reading it back from the style is slower and normalised
    cell.style.backgroundColor = fill;
    cell.style.color = ink;
  }
}

/** A bar as a background, from one share of the width to another: it moves without anything being laid out. */
export function stripe(fill, from, to) {
  const [a, b] = [from, to].map((share) => `${(100 * share).toFixed(2)}%`);
  return `linear-gradient(90deg, transparent ${a}, ${fill} ${a} ${b}, transparent ${b})`;
}

/** Setting the size of a canvas allocates it again, even where the size is the same. */
function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Paint a canvas of one pixel for each cell; bytes(row, column) gives red, green and blue, or null for a hole. The
 * style sheet stretches it. */
export function drawPixels(canvas, rows, columns, bytes) {
  resize(canvas, columns, rows);
  const image = new ImageData(columns, rows);
  const { data } = image;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at += 4) {
      const pixel = bytes(i, j);
      if (!pixel) continue;
      data[at] = pixel[0];
      data[at + 1] = pixel[1];
      data[at + 2] = pixel[2];
      data[at + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
