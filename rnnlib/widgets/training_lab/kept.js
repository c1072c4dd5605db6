/**
 * The runs that the reader keeps, to hold others against: each has a letter, a kind of line and its settings in words.
 */

import { percent, slight, visible } from "../model/format.js";
import { make, setText, svg } from "../ui/dom.js";
import { CELLS, DEFAULTS, OPTIMIZERS } from "./facts.js";
import { count } from "./numbers.js";

const LETTERS = "ABCDEF";

/** changed(): another run is kept, or one less; removed(): one was taken away, and its button with it. keep(run) takes what
 * `keepable` gives, while there is room. */
export function buildKept(words, changed, removed) {
  const runs = []; // [{letter, style, curve, recall, node}]
  const list = make("ol", { className: "rnn-lab-kept" });
  const note = make("p", { className: "rnn-note" });
  const full = () => runs.length === LETTERS.length;
  const show = () => {
    list.replaceChildren(...runs.map((item) => item.node));
    setText(note, words(runs.length ? "lab_kept_some" : "lab_kept_none", { most: LETTERS.length }));
  };
  const keep = (run) => {
    if (full()) return;
    const style = [...LETTERS].findIndex((letter) => runs.every((other) => other.letter !== letter));
    const letter = LETTERS[style];
    const remove = make("button", { type: "button", className: "rnn-button rnn-lab-remove" }, words("lab_remove"));
    remove.setAttribute("aria-label", words("lab_remove_run", { letter }));
    const sign = svg("svg", { class: "rnn-run-sign", viewBox: "0 0 44 10", "aria-hidden": "true" },
      svg("path", { class: `rnn-run-line rnn-run-${style + 1}`, d: "M0 5h44" }));
    const node = make("li", {}, sign, make("span", {}, settingsOf(run, letter, words)), remove);
    const item = { letter, style: style + 1, curve: run.curve, recall: run.recall, node };
    remove.addEventListener("click", () => {
      runs.splice(runs.indexOf(item), 1);
      show();
      changed();
      removed();
    });
    runs.push(item);
    show();
    changed();
  };
  show();
  return { node: make("div", {}, note, list), runs, keep, full };
}

/** The cell of a run, and its forget bias where another than the usual one was chosen. */
function cellOf({ cell, forget_bias }, words) {
  const name = words(CELLS[cell].words);
  return forget_bias === DEFAULTS.forget_bias ? name : words("lab_kept_bias", { cell: name, bias: forget_bias });
}

/** A run and its settings in words. */
function settingsOf({ curve, settings, rate, loss, recall }, letter, words) {
  const characters = [...settings.text];
  const short = characters.slice(0, 12).map((c) => (c === " " ? c : visible(c))).join("");
  const hits = recall ? ` ${words("lab_kept_hits", { hits: percent(recall.share.level) })}` : "";
  return words("lab_kept", {
    letter, cell: cellOf(settings, words), n: count(curve.length), loss: slight(loss), H: settings.H, rate, steps: settings.steps,
    optimizer: words(OPTIMIZERS[settings.optimizer].words), clip: settings.clip || words("lab_clip_off"), seed: settings.seed,
    text: `“\u2068${short}${characters.length > 12 ? "…" : ""}\u2069”`,
  }) + hits;
}
