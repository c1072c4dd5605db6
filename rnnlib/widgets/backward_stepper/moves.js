/**
 * The five moves of a step, and the card of one step: the error, the two terms of dh, the slope of tanh and da as one row
 * of vectors, of which those of the current move are lit together with its equation and its line of code.
 */

import { colour, drawPixels, extent, shade } from "../ui/colour.js";
import { keep, make, setText } from "../ui/dom.js";
import { d, formula, math, sub, transposed } from "../ui/mathml.js";
import { moveList } from "../ui/moves.js";
import { number, percent, quoted, slight } from "../model/format.js";
import { lengthOf } from "./contributions.js";
import { MOVES } from "./facts.js";
import { yhat } from "./panels.js";

const MOVE_NAMES = ["back_move_error", "back_move_roads", "back_move_tanh", "back_move_output", "back_move_state"];
const LIT = [["do"], ["out", "future", "dh"], ["slope", "da"], ["do"], ["da"]]; // the vectors of each move
const KNOWN = { do: 0, out: 1, future: 1, dh: 1, slope: 2, da: 2 }; // the move that computes them

const grown = (left, ...right) => formula(left, math("mo", "+="), ...right);

/** The equations of each move, and its line of Python, in which do, dh, da are those of step t.
 * @returns {[any[], string][]} */
function movesOf(reduction) {
  const mean = reduction === "mean";
  return [
    [[mean ? formula(d("o", "t"), "=", "(", yhat(), "−", sub("y", "t"), ")", "/", "T") : formula(d("o", "t"), "=", yhat(), "−", sub("y", "t"))],
      `do = ${mean ? "(yhat[t] - one_hot(y[t], V)) / T" : "yhat[t] - one_hot(y[t], V)"}`],
    [[formula(d("h", "t"), "=", d("o", "t"), transposed("W", "h", "y"), "+", d("a", "t", "+", math("mn", "1")), transposed("W", "h", "h"))],
      "dh = do @ Why.T + da_next @ Whh.T"],
    [[formula(d("a", "t"), "=", d("h", "t"), "⊙", "(", math("mn", "1"), "−", math("msubsup", "h", "t", math("mn", "2")), ")")],
      "da = dh * (1 - h[t] ** 2)"],
    [[grown(d("W", "h", "y"), transposed("h", "t"), d("o", "t")), grown(d("b", "y"), d("o", "t"))],
      "dWhy += np.outer(h[t], do); dby += do"],
    [[grown(d("W", "h", "h"), transposed("h", "t", "−", math("mn", "1")), d("a", "t")),
      grown(d("W", "x", "h"), transposed("x", "t"), d("a", "t")), grown(d("b", "h"), d("a", "t"))],
    "dWhh += np.outer(h_prev, da); dWxh[x[t]] += da; dbh += da"],
  ];
}

/** The five moves of a step, the current one marked, with its equations and its code. */
function buildMoves({ words, change }) {
  const moves = moveList({ label: words("back_moves"), names: MOVE_NAMES.map((name) => words(name)), choose: (move) => change({ move }) });
  const kept = keep();
  return {
    node: moves.node,
    draw({ reduction, move }) {
      kept(() => moves.say(movesOf(reduction)), reduction);
      moves.mark(move);
    },
  };
}

/** The vectors of a step in one row, each with its symbol above and its length below. */
function buildRow() {
  const one = math("mn", "1");
  const symbols = {
    do: ["", formula(d("o", "t"))],
    out: ["→", formula(d("o", "t"), transposed("W", "h", "y"))],
    future: ["+", formula(d("a", "t", "+", math("mn", "1")), transposed("W", "h", "h"))],
    dh: ["=", formula(d("h", "t"))],
    slope: ["⊙", formula(one, "−", math("msubsup", "h", "t", math("mn", "2")))],
    da: ["=", formula(d("a", "t"))],
  };
  const terms = Object.entries(symbols).map(([name, [sign, symbol]]) => {
    const canvas = make("canvas", { className: "rnn-term-cells" });
    canvas.setAttribute("aria-hidden", "true");
    const length = make("span", { className: "rnn-term-length" });
    const node = make("div", { className: "rnn-term" }, make("span", {}, symbol), canvas, length);
    return { name, node, canvas, length, sign: make("span", { className: "rnn-term-sign" }, sign), kept: keep() };
  });
  const node = make("div", { className: "rnn-row-of-terms" }, ...terms.flatMap(({ sign, node }) => (sign.textContent ? [sign, node] : [node])));
  return {
    node,
    draw(state) {
      const { V, H, t, move, trace, grads, out, future, dark } = state;
      const of = (array, size) => array.subarray(t * size, (t + 1) * size);
      const limit = Math.max(extent(grads.dh), extent(out), extent(future)); // as in the table of the units
      const vectors = {
        do: of(grads.do, V), out, future, dh: of(grads.dh, H), slope: of(trace.h, H).map((h) => 1 - h * h), da: of(grads.da, H),
      };
      for (const { name, node, canvas, length, kept } of terms) {
        const values = vectors[name];
        kept(() => drawPixels(canvas, values.length, 1, (i) => (name === "slope"
          ? shade(1 - values[i], "damping", dark) : colour(values[i], name === "do" ? extent(grads.do) : limit, dark)).bytes),
        grads, t, dark);
        setText(length, name === "slope" ? `≥ ${number(Math.min(...values), 2)}` : slight(lengthOf(values)));
        node.classList.toggle("rnn-lit", LIT[move].includes(name));
        node.classList.toggle("rnn-later", KNOWN[name] > move);
      }
    },
  };
}

/** What the current move does, in words. */
function say({ V, H, T, t, move, y, vocab, trace, grads, out, future, reduction }, words) {
  const slopes = Array.from({ length: H }, (_, j) => 1 - trace.h[t * H + j] ** 2);
  const mean = reduction === "mean";
  const [key, values] = [
    () => [V === 1 ? "back_say_no_error" : mean ? "back_say_error_mean" : "back_say_error",
      { T, y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]), d: slight(grads.do[t * V + y[t]]) }],
    () => [t === T - 1 ? "back_say_one_road" : "back_say_roads",
      { out: slight(lengthOf(out)), future: slight(lengthOf(future)), next: t + 2 }],
    () => ["back_say_tanh", {
      low: number(Math.min(...slopes)), high: number(Math.max(...slopes)), da: slight(lengthOf(grads.da, t * H, (t + 1) * H)),
    }],
    () => ["back_say_output"],
    () => [t ? "back_say_state" : "back_say_state_first", { previous: t }],
  ][move]();
  return `${words("back_where", { t: t + 1, move: move + 1, moves: MOVES })} ${words(key, values)}`;
}

/** The card of one step. */
export function buildStep(given) {
  const [moves, row] = [buildMoves(given), buildRow()];
  const summary = make("p", { className: "rnn-summary", role: "status" });
  return {
    node: make("div", { className: "rnn-card-step" }, row.node, moves.node, summary),
    draw(state) {
      row.draw(state);
      moves.draw(state);
      setText(summary, say(state, given.words));
    },
  };
}
