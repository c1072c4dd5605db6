/** What GradientDetective answers to the reader: hints, the mistake when it is found, and what a comparison of the lines
 * with the gradients says. */

import { number, quoted } from "../model/format.js";
import { make, setText } from "../ui/dom.js";
import { listed } from "./board.js";
import { CASES, LINES, NONE } from "./cases.js";
import { comparison, hintFor } from "./hints.js";

const PARTS = ["detective_look", "detective_train", "detective_remedy"];

const MOST = 2; // mistakes in one case

/** tell(): the reader asks for the answer. */
export function buildVerdict(words, tell) {
  const text = make("p", { className: "rnn-verdict", role: "status" });
  const compared = make("p", { className: "rnn-compared", role: "status" });
  const changes = Array.from({ length: MOST }, () => {
    const [was, belongs] = [make("code"), make("code")];
    const node = make("div", { className: "rnn-diff" },
      make("div", {}, make("span", { className: "rnn-label" }, words("detective_was")), make("del", {}, was)),
      make("div", {}, make("span", { className: "rnn-label" }, words("detective_belongs")), make("ins", {}, belongs)));
    return { node, was, belongs };
  });
  const parts = PARTS.map((key) => {
    const said = make("span");
    return { said, node: make("p", {}, make("strong", {}, words(key)), " ", said) };
  });
  const answer = make("button", { type: "button", className: "rnn-button rnn-answer" }, words("detective_answer"));
  answer.addEventListener("click", tell);
  const progress = make("p", { className: "rnn-progress" });
  const node = make("section", { className: "rnn-panel rnn-verdict-panel" },
    make("div", { className: "rnn-verdict-head" }, text, progress, answer), compared,
    ...changes.map((change) => change.node), ...parts.map((part) => part.node));
  return { node, draw: (state) => drawVerdict({ text, compared, changes, parts, progress, answer }, state, words) };
}

function drawVerdict({ text, compared, changes, parts, progress, answer }, state, words) {
  const { number: n, form, code, solved, found, told } = state;
  changes.forEach(({ node, was, belongs }, i) => {
    node.hidden = !(solved && code.was[i]);
    setText(was, solved ? code.was[i]?.[form] ?? "" : "");
    setText(belongs, solved ? code.belongs[i]?.[form] ?? "" : "");
  });
  setText(progress, words("detective_found", { n: found, N: CASES.length }));
  answer.setAttribute("aria-disabled", String(solved || !n));
  parts.forEach((part, i) => {
    part.node.hidden = !solved;
    setText(part.said, solved ? told[i + 1] : "");
  });
  setText(text, answerTo(state, words));
  compared.hidden = !state.comparing;
  setText(compared, state.comparing ? comparedText(state, words) : "");
}

const lineOf = (key) => 1 + LINES.findIndex((line) => line.key === key);

/** Which lines are at fault, in words. */
function placeOf(faults, words) {
  const [n, m] = faults.map(lineOf);
  if (faults[0] === NONE) return words("detective_at_none");
  return words(m ? "detective_at_two" : "detective_at_one", { n, m });
}

function answerTo(state, words) {
  const { number: n, code, B, faults, hits, last, wrong, solved, told, first, healthy } = state;
  const unseen = B < code?.batch ? "detective_unseen_alone" : "detective_unseen";
  if (solved) {
    const found = faults.every((key) => hits.has(key));
    return words(found ? "detective_fault" : "detective_shown", { at: placeOf(faults, words), title: told[0] });
  }
  if (!last) return words(n ? (wrong.length ? "detective_pick" : unseen) : "detective_right_code");
  if (faults.includes(last)) {
    const { reach } = LINES[lineOf(last) - 1];
    const others = wrong.filter((name) => !reach.includes(name));
    const key = others.length ? "detective_half" : "detective_half_unseen";
    return words(key, { n: lineOf(last), names: listed(others, words) });
  }
  const { key, names = [], last: ofLast } = hintFor(last, faults, wrong);
  const values = { n: lineOf(last), names: listed(names, words), first: number(first, 5), healthy: number(healthy.first, 5) };
  return [words(key === "detective_unseen" ? unseen : key, values), ...(ofLast ? rowOfLastStep(state, words) : [])].join(" ");
}

function comparedText({ wrong }, words) {
  const { key, at } = comparison(wrong);
  return words(key, { lines: at.join(", ") });
}

/** A hint at the row of dWxh that the last step alone adds to, where there is one. */
function rowOfLastStep({ ids, vocab }, words) {
  const i = ids.at(-1);
  return ids.indexOf(i) === ids.length - 1 ? [words("detective_row", { i, x: quoted(vocab[i]) })] : [];
}
