/**
 * What the network of TrainingLab makes of its text: the characters with their predictions, the states, the weights.
 */

import { PARAMETERS, shapes } from "../engine/flat.js";
import { number, percent, visible } from "../model/format.js";
import { colour, drawPixels, extent, ramp, shade } from "../ui/colour.js";
import { make, setText } from "../ui/dom.js";
import { SAMPLE } from "./facts.js";

const MAP_NAMES = { Wxh: "lab_Wxh", Whh: "lab_Whh", Why: "lab_Why" };

export function buildText(words) {
  const cells = [];
  const box = make("div", { className: "rnn-letters", role: "img", tabIndex: 0, dir: "auto" });
  const bar = make("span", { className: "rnn-ramp" });
  const note = make("p", { className: "rnn-note" }, `${words("lab_text_title")} ${words("lab_text_legend")} 0 `, bar, " 1.");
  return {
    node: box,
    note,
    draw({ lab, dark }) {
      drawText({ box, cells }, lab.read, lab, words, dark);
      bar.style.background = ramp(dark, "grey");
    },
  };
}

/** A sign in a narrow cell: one that takes more room is set smaller. */
function putSign(node, character) {
  const sign = visible(character);
  if (node.shown === sign) return;
  setText(node, sign);
  node.classList.toggle("rnn-code", sign.length > 4);
}

function drawText({ box, cells }, { n, given, guesses, right }, { ids, vocab, recall }, words, dark) {
  while (cells.length < n) {
    const [top, below] = [make("span"), make("span", { className: "rnn-letter-guess" })];
    const node = make("span", { className: "rnn-letter" }, top, below);
    box.append(node);
    cells.push({ node, top, below });
  }
  while (cells.length > n) cells.pop().node.remove();
  let sum = 0;
  cells.forEach(({ node, top, below }, t) => {
    putSign(top, vocab[ids[t]]);
    if (t) putSign(below, vocab[guesses[t]]);
    else setText(below, "");
    const { fill, ink } = shade(t ? given[t] : 0, "grey", dark);
    if (top.fill !== fill) {
      top.fill = fill;
      top.style.backgroundColor = fill;
      top.style.color = ink;
    }
    const missed = t > 0 && guesses[t] !== ids[t];
    if (node.missed !== missed) {
      node.missed = missed;
      node.classList.toggle("rnn-letter-missed", missed);
    }
    const due = Boolean(recall?.places[t]);
    if (node.due !== due) {
      node.due = due;
      node.classList.toggle("rnn-letter-recalled", due);
    }
    if (t) sum += given[t];
  });
  box.setAttribute("aria-label", words("lab_text_said", { n: n - 1, right, mean: percent(sum / (n - 1)) }));
}

export function buildStates(words) {
  const canvas = make("canvas", { className: "rnn-lab-states" });
  canvas.setAttribute("aria-hidden", "true"); // the note describes it
  const signs = make("div", { className: "rnn-lab-signs", "aria-hidden": "true" });
  const note = make("p", { className: "rnn-note" });
  return {
    node: make("div", {}, canvas, signs, note),
    draw({ lab: { read: { n, h }, H, ids, vocab }, dark }) {
      drawPixels(canvas, H, n - 1, (j, t) => colour(h[t * H + j], 1, dark).bytes);
      const few = n - 1 <= 40;
      while (signs.children.length < (few ? n - 1 : 0)) signs.append(make("span"));
      while (signs.children.length > (few ? n - 1 : 0)) signs.lastChild.remove();
      [...signs.children].forEach((node, t) => putSign(node, vocab[ids[t]]));
      setText(note, words("lab_states_note", { H, n: n - 1 }));
    },
  };
}

export function buildWeights(words) {
  const maps = PARAMETERS.slice(0, 3).map((name) => {
    const canvas = make("canvas", { className: "rnn-lab-map" });
    canvas.setAttribute("aria-hidden", "true");
    const note = make("span", { className: "rnn-note" });
    return { name, canvas, note, node: make("div", { className: "rnn-lab-weights" }, make("span", {}, words(MAP_NAMES[name])), canvas, note) };
  });
  return {
    node: make("div", {}, make("p", { className: "rnn-note" }, words("lab_weights_title")), make("div", { className: "rnn-lab-maps" }, ...maps.map(({ node }) => node))),
    draw({ lab: { V, H, run }, dark }) {
      const sizes = shapes(V, H, run.params.cell);
      const limit = Math.max(...maps.map(({ name }) => extent(run.params[name])));
      for (const { name, canvas, note } of maps) {
        const values = run.params[name];
        const [rows, columns] = sizes[name];
        drawPixels(canvas, rows, columns, (i, j) => colour(values[i * columns + j], limit, dark).bytes);
        setText(note, words("lab_weights_note", { rows, columns, limit: number(limit, 2) }));
      }
    },
  };
}

/** What the network writes. */
export function buildSample(words) {
  const text = make("p", { className: "rnn-lab-sample", dir: "auto" });
  const note = make("p", { className: "rnn-note" });
  return {
    node: make("div", {}, text, note),
    draw({ lab: { vocab, ids, sample, settings: { temperature, seed } } }) {
      setText(text, [vocab[ids[0]], ...sample].map((c) => (c === " " ? c : visible(c))).join(""));
      setText(note, words("lab_sample_note", { length: SAMPLE, temperature, seed }));
    },
  };
}
