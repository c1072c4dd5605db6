/**
 * The network unrolled over time: one column for each step, with the states as cells and a few lines of text.
 */

import { visible } from "../model/format.js";
import { drawCells } from "./colour.js";
import { make, setText } from "./dom.js";
import { formula } from "./mathml.js";
import { arrowKeys, VirtualList } from "./virtual_list.js";

const COLUMN = 44; // width of one step, px

/**
 * @param {{label: string, states: [string, Node], lines: Object<string, [string, Node]>, place: () => [number, number],
 *   go: (t: number) => void}} parts  each line has a word and a symbol for its head; the first is above the states
 */
export function buildStrip({ label, states, lines, place, go }) {
  const canvas = make("canvas", { className: "rnn-canvas" });
  canvas.setAttribute("aria-hidden", "true"); // its numbers are in the tables
  const inner = make("div", { className: "rnn-columns", role: "group" }, canvas);
  inner.setAttribute("aria-label", label);
  const names = Object.keys(lines);
  const heads = Object.values(lines);
  heads.splice(1, 0, states);
  const track = make("div", { className: "rnn-track" }, inner);
  const node = make("div", { className: "rnn-strip" },
    make("div", { className: "rnn-heads", "aria-hidden": "true" },
      ...heads.map(([word, symbol]) => make("div", {}, make("span", {}, word), formula(symbol)))),
    track);
  node.style.setProperty("--rnn-lines", names.length);
  const columns = new VirtualList({ view: track, space: inner, across: true, size: COLUMN, room: 600, build: () => {
    const parts = names.map((name) => make("span", { className: `rnn-col-${name}` }));
    const gap = make("span", { className: "rnn-gap" });
    const breaks = parts.slice(1).flatMap((part) => [make("br"), part]);
    // a picture with a name: as the button's own name, a label would have to repeat what is seen word for word
    const picture = make("span", { role: "img" }, parts[0], make("br"), gap, ...breaks);
    const button = make("button", { type: "button", className: "rnn-column" }, picture);
    return { node: button, picture, parts: Object.fromEntries(names.map((name, i) => [name, parts[i]])) };
  } });
  inner.addEventListener("click", ({ target }) => {
    const { t } = target.closest("button")?.dataset ?? {};
    if (t !== undefined) go(Number(t));
  });
  inner.addEventListener("keydown", arrowKeys(columns, "ArrowRight", "ArrowLeft", place, go, (item) => item.node));
  return { node, canvas, columns };
}

/** Draw the columns: values (T, H) as cells on the scale from -limit to limit; fill(parts, t) sets the texts of a column
 * and returns its name for a screen reader. */
export function showStrip(strip, { T, H, t }, values, limit, dark, fill) {
  if (!strip.drawn) { // for the style sheet, while no script can scroll
    strip.node.style.setProperty("--rnn-t", t);
    strip.node.style.setProperty("--rnn-steps", T);
  }
  if (strip.drawn !== values || strip.limit !== limit || strip.dark !== dark) {
    drawCells(strip.canvas, values, H, { column: COLUMN, gap: 8, height: 72, limit, dark });
    Object.assign(strip, { drawn: values, limit, dark });
  }
  strip.columns.show(T, t, ({ node, picture, parts }, i, stop) => {
    node.classList.toggle("rnn-last", i === T - 1);
    node.dataset.t = i;
    picture.setAttribute("aria-label", fill(parts, i));
    if (i === t) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
    node.tabIndex = stop ? 0 : -1;
  });
}

/** A character in its column: a code point takes more room than a character, and is set smaller. */
export function setSign(node, character) {
  const sign = visible(character);
  setText(node, sign);
  node.classList.toggle("rnn-code", sign.length > 4);
}
