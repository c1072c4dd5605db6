/**
 * How far the losses of a window reach back, with the weights that the run has now: the triangle of contributions, and what it
 * says of the loss at a recalled character.
 */

import { contributions } from "../engine/bptt.js";
import { gru } from "../engine/gru.js";
import { lstm } from "../engine/lstm.js";
import { forward } from "../engine/rnn.js";
import { percent } from "../model/format.js";
import { ramp, shade } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { buildTriangle } from "../ui/triangle.js";
import { REACH, SHOWN } from "./facts.js";
import { count } from "./numbers.js";

/** @type {Object<string, any>} */
const FUNCTIONS = { rnn: { forward, contributions }, lstm, gru };

/** The last step of a window whose loss is that of a recalled character in each of the windows; else the last step. */
function rowOf({ recall }, T, windows) {
  for (let t = T - 1; recall && t >= 0; t--) {
    let all = true;
    for (let w = 0; w < windows; w++) all &&= recall.places[w * T + t + 1] === 1;
    if (all) return { row: t, recalled: true };
  }
  return { row: T - 1, recalled: false };
}

/**
 * The lengths |∂L_t/∂a_s| (T, T), as means over the first windows of the text, which are read one after the other as in
 * training: those that are shown, and not more than there is time for.
 *
 * @returns {{T: number, windows: number, mean: Float64Array, row: number, recalled: boolean}}  row: of the loss to look at
 */
export function reachOf(lab) {
  const { ids, run: { params }, settings: { steps, cell } } = lab;
  const n = Math.min(ids.length, SHOWN) - 1;
  const T = Math.min(steps, n);
  const windows = Math.max(1, Math.min(Math.floor(n / T), Math.floor(REACH / (T * T))));
  const mean = new Float64Array(T * T);
  let states = [];
  for (let from = 0; from < windows * T; from += T) {
    const trace = FUNCTIONS[cell].forward(params, ids.subarray(from, from + T), ...states);
    const lengths = FUNCTIONS[cell].contributions(params, trace, ids.subarray(from + 1, from + T + 1), "sum");
    for (let i = 0; i < T * T; i++) mean[i] += lengths[i] / windows;
    states = [trace.h, trace.c].filter(Boolean).map((rows) => rows.subarray(rows.length - rows.length / T));
  }
  return { T, windows, mean, ...rowOf(lab, T, windows) };
}

/** Of a row of the triangle, as parts of its longest length: the first step, and the mean of those between it and the last,
 * null where there are none.
 *
 * @returns {{first: number, between: number | null}} */
export function partsOf({ T, mean, row }) {
  const lengths = mean.subarray(row * T, row * T + row + 1);
  const most = Math.max(...lengths) || 1;
  const between = lengths.subarray(1, -1);
  const sum = between.reduce((all, each) => all + each / most, 0);
  return { first: lengths[0] / most, between: between.length ? sum / between.length : null };
}

/** What the row says after n updates, in words. */
export function sayRow(words, reach, n) {
  const { first, between } = partsOf(reach);
  const where = words(reach.recalled ? "lab_reach_recalled" : "lab_reach_last", { n: count(n), t: reach.row + 1 });
  if (between === null) return `${where} ${words("lab_reach_first", { first: percent(first) })}`;
  return `${where} ${words("lab_reach_parts", { first: percent(first), between: percent(between) })}`;
}

/** The triangle as it is now, with what its row says. */
export function buildReach(words) {
  const triangle = buildTriangle(words);
  const mark = make("span", { className: "rnn-mark rnn-mark-current" });
  triangle.square.append(mark);
  const [said, note, bar] = [make("p", { className: "rnn-lab-reached" }), make("span"), make("span", { className: "rnn-ramp" })];
  const legend = make("p", { className: "rnn-note" }, note, " 0 ", bar, " 1.");
  const kept = keep();
  return {
    node: make("div", { className: "rnn-lab-reach" }, triangle.node, make("div", {}, said, legend)),
    draw({ lab, dark }) {
      const reach = kept(() => reachOf(lab), lab, lab.run.count);
      const { T, windows, mean, row } = reach;
      const most = Array.from({ length: T }, (_, t) => Math.max(...mean.subarray(t * T, (t + 1) * T)) || 1);
      triangle.draw(T, (t, s) => shade(mean[t * T + s] / most[t], "length", dark).bytes);
      const at = (share) => `${(100 * share) / T}%`;
      Object.assign(mark.style, { left: 0, top: at(row), width: at(row + 1), height: at(1) });
      setText(said, sayRow(words, reach, lab.run.count));
      setText(note, words("lab_reach_note", { gates: lab.run.params.cell ? words("lab_reach_gates") : "", windows }));
      bar.style.background = ramp(dark, "length");
    },
  };
}
