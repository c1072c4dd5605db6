/** The rows of the figure: each equation in our notation and in that of the dialect, and in words how they differ. */

import { make, setText } from "../ui/dom.js";
import { DIALECTS } from "./dialects.js";
import { differences, factorShape, translate } from "./equations.js";
import { equationMath } from "./notation.js";

const WAYS = [["forward", "rosetta_forward"], ["backward", "rosetta_backward"]]; // each with the key of its words

const TAGS = {
  turned: "rosetta_tag_turned", undivided: "rosetta_tag_undivided", added: "rosetta_tag_added", missing: "rosetta_tag_missing",
  renamed: "rosetta_tag_renamed", order: "rosetta_tag_order", above: "rosetta_tag_above",
};

const MARKED = { there: ["turned", "added", "renamed"], ours: ["missing"] }; // kinds whose factors are marked, in which equation

export const written = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** The shapes along an equation: of its left side, and of the factors of its products. */
function shapesOf({ left, terms }, dialect, layout) {
  const of = (part) => written(factorShape(part, dialect, layout));
  if (left[0].name === "L") return "";
  const products = terms.some((factors) => factors.length > 1);
  return of(left[0]) + (products ? ` = ${terms.map((factors) => factors.map(of).join(" ")).join(" + ")}` : "");
}

const nameOf = ({ name, gradient }) => (gradient ? "d" : "") + name;

const fill = (node, pieces) => node.replaceChildren(...pieces.flatMap((piece) => [piece, " "]));

/** The kinds of difference as small signs, which look as the marks in the equations do. Where the step is written is the same
 * all through a notation, and said where nothing else differs. */
function tagsOf(kinds, words) {
  const told = [...kinds].filter(([kind]) => kind !== "above" || kinds.size === 1);
  const names = (parts) => [...new Set(parts.map(nameOf))].join(", ");
  return told.map(([kind, parts]) => make("span", { className: `rnn-rosetta-tag rnn-rosetta-${kind}` },
    words(TAGS[kind]), make("span", { className: "rnn-said" }, ` (${names(parts)})`)));
}

function buildRow(words) {
  const [equation, ours, tags, shapes] = ["equation", "ours", "tags", "shapes"].map((name) => (
    make("span", { className: `rnn-rosetta-${name}` })));
  const said = make("span", { className: "rnn-said" }, words("rosetta_ours"));
  const node = make("div", { className: "rnn-rosetta-line", role: "listitem" },
    make("div", { className: "rnn-rosetta-book" }, said, ours, tags), make("div", {}, equation, shapes));
  /** @type {Object<string, string | null>} */
  let drawn = { differing: null, mine: null, text: null };
  return {
    node,
    /** Show an equation; true where it is as ours. */
    draw(one, book, dialect, layout) {
      const kinds = differences(one, book, dialect);
      const marks = (which) => (part) => which.filter((kind) => kinds.get(kind)?.includes(part));
      const told = (some) => some.map(([kind, parts]) => `${kind} ${parts.map(nameOf)}`).join();
      const differing = told([...kinds]);
      if (differing !== drawn.differing) fill(tags, tagsOf(kinds, words));
      const divided = kinds.has("undivided") ? "rnn-rosetta-undivided" : "";
      const mine = told([...kinds].filter(([kind]) => MARKED.ours.includes(kind))) + divided;
      if (mine !== drawn.mine) fill(ours, equationMath(book, DIALECTS.rnnlib, marks(MARKED.ours), divided));
      const pieces = equationMath(one, dialect, marks(MARKED.there), "");
      const text = pieces.map((piece) => piece.textContent).join() + differing;
      node.classList.toggle("rnn-rosetta-changed", drawn.text !== null && text !== drawn.text);
      if (text !== drawn.text) fill(equation, pieces);
      drawn = { differing, mine, text };
      setText(shapes, shapesOf(one, dialect, layout));
      node.classList.toggle("rnn-rosetta-same", !kinds.size);
      return !kinds.size;
    },
  };
}

/** The rows of one direction. */
function buildWay(words, way, title) {
  const list = make("div", { className: "rnn-rosetta-list", role: "list" });
  list.setAttribute("aria-label", title);
  const node = make("section", { className: "rnn-panel" }, make("div", { className: "rnn-title" }, title), list);
  const ours = new Map(translate(DIALECTS.rnnlib, "row", "mean")[way].map((one) => [one.key, one]));
  /** @type {Map<string, any>} */
  const rows = new Map([...ours.keys()].map((key) => [key, buildRow(words)]));
  let same = new Map(); // row -> is it as ours?
  const hide = (folded) => {
    for (const [row, alike] of same) row.node.hidden = alike && folded;
    node.hidden = [...same.keys()].every((row) => row.node.hidden);
  };
  return {
    node, hide,
    /** Nothing has changed. */
    rest: () => rows.forEach((row) => row.node.classList.remove("rnn-rosetta-changed")),
    /** Show the equations; how many of them are as ours. */
    draw({ dialect, layout, reduction }) {
      const equations = translate(dialect, layout, reduction)[way];
      same = new Map(equations.map((one) => [rows.get(one.key), rows.get(one.key).draw(one, ours.get(one.key), dialect, layout)]));
      const nodes = [...same.keys()].map((row) => row.node);
      if (nodes.some((row, i) => list.children[i] !== row) || list.children.length !== nodes.length) list.replaceChildren(...nodes);
      return [...same.values()].filter(Boolean).length;
    },
  };
}

/** The rows of both directions; a button shows and hides those that are as ours. */
export function buildRows(words) {
  const [title, ways] = [make("span", { className: "rnn-rosetta-there" }), WAYS.map(([way, key]) => buildWay(words, way, words(key)))];
  const fold = make("button", { type: "button", className: "rnn-button rnn-rosetta-fold", "aria-expanded": "false" });
  const hide = (folded) => {
    fold.setAttribute("aria-expanded", String(!folded));
    for (const way of ways) way.hide(folded);
  };
  const folded = () => fold.getAttribute("aria-expanded") === "false";
  fold.addEventListener("click", () => hide(!folded()));
  const heads = make("div", { className: "rnn-rosetta-heads" }, make("span", {}, DIALECTS.rnnlib.title), make("div", {}, title, fold));
  let drawn = "";
  return {
    node: make("div", {}, heads, make("div", { className: "rnn-panels rnn-rosetta-panels" }, ...ways.map(({ node }) => node))),
    draw(state) {
      const how = `${state.names} ${state.layout} ${state.reduction}`;
      if (how === drawn) return ways.forEach((way) => way.rest());
      drawn = how;
      const n = ways.reduce((sum, way) => sum + way.draw(state), 0);
      setText(title, state.dialect.title);
      setText(fold, words(n === 1 ? "rosetta_one_same" : "rosetta_same", { n }));
      fold.hidden = !n;
      hide(folded());
    },
  };
}
