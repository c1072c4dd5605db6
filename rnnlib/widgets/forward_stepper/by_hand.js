/**
 * One weight set by hand: which one and to what, as Python writes it, "Whh[1, 0] = 0.5"; and the controls for the weights
 * into the unit that is shown.
 */

import { shapes } from "../engine/flat.js";
import { stepLosses } from "../engine/loss.js";
import { forward } from "../engine/rnn.js";
import { number, quoted } from "../model/format.js";
import { keep, make, setText } from "../ui/dom.js";
import { field, slider } from "../ui/fields.js";
import { WEIGHTS } from "./facts.js";

const ENTRY = /^(Wxh|Whh|Why|bh|by)\[(\d{1,4})(?:, (\d{1,4}))?\] = (-?\d{1,2}(?:\.\d{1,16})?)$/;
const FINE = 20; // places of the slider between two whole numbers

/** The entry that a text names and its value; null for no text, and for an entry that a network of this size has not.
 * @returns {null | {name: string, place: number, value: number}}  place: in the array as it is stored */
export function readWeight(text, V, H) {
  const [, name, row, column, printed] = ENTRY.exec(text) ?? [];
  if (!name) return null;
  const [rows, columns = 1] = shapes(V, H)[name];
  const value = Number(printed);
  const there = (column === undefined) === (shapes(V, H)[name].length === 1);
  const inside = Number(row) < rows && Number(column ?? 0) < columns && value >= WEIGHTS[0] && value <= WEIGHTS[1];
  return there && inside ? { name, place: Number(row) * columns + Number(column ?? 0), value } : null;
}

/** `net` with the weight set, its pass forward and its losses; `net` itself where there is none to set. */
export function withWeight(net, weight) {
  if (!weight) return net;
  const { name, place, value } = weight;
  const params = { ...net.params, [name]: net.params[name].slice() };
  params[name][place] = value;
  const trace = forward(params, net.x);
  return { ...net, params, trace, losses: stepLosses(trace.o, net.y, net.V) };
}

/** The name of the weight into a unit: from unit `from` of the last state, from the character read, or its bias. */
function entryOf(from, { unit, H, x, t }) {
  if (from < H) return { name: "Whh", place: from * H + unit, written: `Whh[${from}, ${unit}]` };
  if (from === H) return { name: "Wxh", place: x[t] * H + unit, written: `Wxh[${x[t]}, ${unit}]` };
  return { name: "bh", place: unit, written: `bh[${unit}]` };
}

/** A choice of one of the weights into the unit that is shown, a slider for it, and a way back. */
export function buildByHand({ words, change, shown }) {
  const choice = field(words, "hand_weight", make("select", {}));
  const value = slider(words, "hand_value", FINE * WEIGHTS[0], FINE * WEIGHTS[1]);
  const reset = make("button", { type: "button", className: "rnn-button" }, words("hand_reset"));
  const note = make("p", { className: "rnn-note rnn-hand-note", role: "status" });
  const kept = keep();
  let from = 0;
  let known = "";
  choice.control.addEventListener("change", ({ target }) => {
    from = target.selectedIndex;
    draw(shown());
  });
  value.control.addEventListener("input", ({ target }) => (
    change({ weight: `${entryOf(from, shown()).written} = ${Number(target.value) / FINE}` })));
  reset.addEventListener("click", () => change({ weight: "" }));

  function draw(state) {
    const { H, t, x, unit, vocab, params, drawn, weight, written } = state;
    if (written !== known) { // set elsewhere: show it, where it is one of these
      known = written;
      const there = Array.from({ length: H + 2 }, (_, k) => written.startsWith(`${entryOf(k, state).written} `)).indexOf(true);
      if (there >= 0) from = there;
    }
    from = Math.min(from, H + 1);
    kept(() => {
      const to = words("hand_unit", { j: unit + 1 });
      const names = [...Array.from({ length: H }, (_, k) => words("hand_unit", { j: k + 1 })), quoted(vocab[x[t]]), words("head_bias")];
      while (choice.control.childElementCount > names.length) choice.control.lastElementChild.remove();
      while (choice.control.childElementCount < names.length) choice.control.append(make("option"));
      names.forEach((name, k) => setText(choice.control.children[k], words("hand_from", { from: name, to })));
    }, H, unit, vocab, x[t]);
    choice.control.selectedIndex = from;
    const { name, place } = entryOf(from, state);
    value.show(Math.max(FINE * WEIGHTS[0], Math.min(FINE * WEIGHTS[1], Math.round(FINE * params[name][place]))), number(params[name][place]));
    reset.setAttribute("aria-disabled", String(!weight));
    setText(note, weight ? words("hand_note", {
      name: written.split(" = ")[0], value: number(weight.value), drawn: number(drawn[weight.name][weight.place]),
    }) : words("hand_none"));
  }
  return { node: make("div", { className: "rnn-steps rnn-by-hand" }, choice.node, value.node, reset, note), draw };
}
