/**
 * The numbers of one move of an LSTM or a GRU: the rows that are added or multiplied, in blocks. A block has a title (a key
 * of words) and rows; a row has a sign, the name that it has in Python, and a number for each unit or each character.
 *
 * `_moves.py` has the same rows by the same names; engine/lstm.js and engine/gru.js give the trace and the gradients.
 *
 * @typedef {{sign: string, name: string, values: ArrayLike<number>, share?: boolean}} Row  share: numbers from −1 to 1 by
 *   their nature (gates, states, slopes, probabilities), whose colours have that scale
 * @typedef {{title: string, rows: Row[], characters?: boolean}} Block
 */

import { gru } from "../engine/gru.js";
import { addProduct, addTransposedProduct } from "../engine/linalg.js";
import { lstm } from "../engine/lstm.js";

const CELLS = { lstm, gru };

/** What a figure of a gated cell hands to `network`; read from its traits.
 * @returns {{cell: "lstm" | "gru", traits: string[], draw: (V: number, H: number, seed: number) => any,
 *   forward: (params: any, x: any) => any}} */
export function gatedCell(model) {
  const cell = model.get("cell") === "gru" ? "gru" : "lstm";
  const more = cell === "lstm" ? [model.get("forget_bias")] : [];
  return {
    cell, traits: ["cell", "forget_bias"], draw: (V, H, seed) => CELLS[cell].initParams(V, H, seed, ...more),
    forward: CELLS[cell].forward,
  };
}

/** The gradients of the summed loss, and how much each loss moves each step. */
export function gatedGradients({ params, trace, y }) {
  const { backward, contributions } = CELLS[params.cell];
  return { grads: backward(params, trace, y, "sum"), matrix: contributions(params, trace, y, "sum") };
}

/** A row by its sign, name and numbers. */
const row = (sign, name, values) => ({ sign, name, values });
const share = (sign, name, values) => ({ sign, name, values, share: true });

const block = (title, ...rows) => ({ title, rows });
const perCharacter = (title, ...rows) => ({ title, rows, characters: true });

const times = (first, ...others) => (
  Float64Array.from(first, (value, j) => others.reduce((product, other) => product * other[j], value)));
const plus = (...rows) => Float64Array.from(rows[0], (_, j) => rows.reduce((sum, each) => sum + each[j], 0));
const less = (a, b) => Float64Array.from(a, (value, j) => value - b[j]);
const rest = (values) => Float64Array.from(values, (value) => 1 - value);
const slope = (values) => Float64Array.from(values, (value) => value * (1 - value)); // of sigmoid, by its value
const tanhSlope = (values) => Float64Array.from(values, (value) => 1 - value * value);
const join = (...rows) => Float64Array.from(rows.flatMap((each) => Array.from(each)));

function product(values, W, columns) {
  const out = new Float64Array(columns);
  addProduct(out, values, W);
  return out;
}

function transposedProduct(values, W, rows) {
  const out = new Float64Array(rows);
  addTransposedProduct(out, values, W);
  return out;
}

/** Row t of an array (T, size); of step −1, the state before the first one. */
const at = (array, t, size, start) => (t < 0 ? start : array.subarray(t * size, (t + 1) * size));

/** The parts of size H of a row. */
const split = (values, H) => Array.from({ length: values.length / H }, (_, k) => values.subarray(k * H, (k + 1) * H));

/** The last move forward and the first one back, which are the same in both cells. */
function outputMoves({ V, H, t, y, params, trace, grads }) {
  const yhat = at(trace.yhat, t, V);
  return {
    o: () => [perCharacter("gated_of_logits", row("", "h @ Why", product(at(trace.h, t, H), params.Why, V)), row("+", "by", params.by),
      row("=", "o", at(trace.o, t, V)), share("→", "yhat", yhat))],
    do: () => [perCharacter("gated_of_error", share("", "yhat", yhat),
      share("−", "y", Float64Array.from(yhat, (_, i) => Number(i === y[t]))), share("=", "do", at(grads.do, t, V)))],
  };
}

/** @returns {Object<string, () => Block[]>} by the names of the moves */
function movesOfLstm(state) {
  const { V, H, T, t, x, params, trace, grads } = state;
  const { Wxh, Whh, Why, bh } = params;
  const [hPrevious, cPrevious] = [at(trace.h, t - 1, H, trace.h0), at(trace.c, t - 1, H, trace.c0)];
  const [i, f, g, q, c, h] = [trace.i, trace.f, trace.g, trace.q, trace.c, trace.h].map((array) => at(array, t, H));
  const tanhC = Float64Array.from(c, Math.tanh);
  const a = split(at(trace.a, t, 4 * H), H);
  const [dh, dc, da] = [at(grads.dh, t, H), at(grads.dc, t, H), at(grads.da, t, 4 * H)];
  const [daI, daF, daG, daQ] = split(da, H);
  const later = t < T - 1 && { dc: at(grads.dc, t + 1, H), f: at(trace.f, t + 1, H), da: at(grads.da, t + 1, 4 * H) };
  const zero = new Float64Array(H);
  const dcNext = later ? times(later.dc, later.f) : zero;
  const dhNext = later ? transposedProduct(later.da, Whh, H) : zero;
  const throughH = times(dh, q, tanhSlope(tanhC));
  return {
    a() {
      const [fromX, fromH, bias] = [Wxh.subarray(x[t] * 4 * H, (x[t] + 1) * 4 * H), product(hPrevious, Whh, 4 * H), bh].map((all) => split(all, H));
      return ["gated_of_i", "gated_of_f", "gated_of_g", "gated_of_q"].map((title, k) => block(title,
        row("", "x_Wxh", fromX[k]), row("+", "h_prev @ Whh", fromH[k]), row("+", "bh", bias[k]), row("=", "a", a[k])));
    },
    gates: () => [
      block("gated_of_i", row("", "a_i", a[0]), share("→", "i", i)), block("gated_of_f", row("", "a_f", a[1]), share("→", "f", f)),
      block("gated_of_q", row("", "a_q", a[3]), share("→", "q", q)),
    ],
    g: () => [block("gated_of_g", row("", "a_g", a[2]), share("→", "g", g))],
    c: () => [
      block("gated_of_kept", share("", "f", f), row("×", "c_prev", cPrevious), row("=", "f * c_prev", times(f, cPrevious))),
      block("gated_of_written", share("", "i", i), share("×", "g", g), row("=", "i * g", times(i, g))),
      block("gated_of_c", row("", "f * c_prev", times(f, cPrevious)), row("+", "i * g", times(i, g)), row("=", "c", c)),
    ],
    h: () => [block("gated_of_h", row("", "c", c), share("→", "tanh_c", tanhC), share("×", "q", q), share("=", "h", h))],
    dh: () => [
      block("gated_of_next_gates", ...(later ? split(later.da, H).map((part, k) => row("", `da_${"ifgq"[k]}[t+1]`, part)) : []),
        row(later ? "→" : "", "dh_next", dhNext)),
      block("gated_of_dh", row("", "do @ Why.T", transposedProduct(at(grads.do, t, V), Why, H)), row("+", "dh_next", dhNext),
        row("=", "dh", dh)),
    ],
    dq: () => [block("gated_of_q", row("", "dh", dh), share("×", "tanh_c", tanhC), share("×", "q * (1 - q)", slope(q)), row("=", "da_q", daQ))],
    dc: () => [
      block("gated_of_through_h", row("", "dh", dh), share("×", "q", q), share("×", "1 - tanh_c**2", tanhSlope(tanhC)),
        row("=", "through_h", throughH)),
      block("gated_of_along_c", ...(later ? [row("", "dc[t+1]", later.dc), share("×", "f[t+1]", later.f)] : []),
        row(later ? "=" : "", "dc_next", dcNext)),
      block("gated_of_dc", row("", "through_h", throughH), row("+", "dc_next", dcNext), row("=", "dc", dc)),
    ],
    difg: () => [
      block("gated_of_i", row("", "dc", dc), share("×", "g", g), share("×", "i * (1 - i)", slope(i)), row("=", "da_i", daI)),
      block("gated_of_f", row("", "dc", dc), row("×", "c_prev", cPrevious), share("×", "f * (1 - f)", slope(f)), row("=", "da_f", daF)),
      block("gated_of_g", row("", "dc", dc), share("×", "i", i), share("×", "1 - g**2", tanhSlope(g)), row("=", "da_g", daG)),
    ],
    back: () => [
      block("gated_of_back_h", ...["da_i", "da_f", "da_g", "da_q"].map((name, k) => row("", name, split(da, H)[k])),
        row("→", "da @ Whh.T", transposedProduct(da, Whh, H))),
      block("gated_of_back_c", row("", "dc", dc), share("×", "f", f), row("=", "dc * f", times(dc, f))),
    ],
    ...outputMoves(state),
  };
}

/** What step s of a GRU hands back to the state before it: directly, and through the gates; and the three parts of dk. */
function handedBack({ H, params, trace, grads }, s) {
  const [dr, dz, dn] = split(at(grads.da, s, 3 * H), H);
  const dk = [dr, dz, times(dn, at(trace.r, s, H))];
  return { directly: times(at(grads.dh, s, H), at(trace.z, s, H)), byGates: transposedProduct(join(...dk), params.Whh, H), dk };
}

/** @returns {Object<string, () => Block[]>} by the names of the moves */
function movesOfGru(state) {
  const { V, H, T, t, x, params, trace, grads } = state;
  const { Wxh, Whh, Why, bh, bn } = params;
  const hPrevious = at(trace.h, t - 1, H, trace.h0);
  const [r, z, m, n, h] = [trace.r, trace.z, trace.m, trace.n, trace.h].map((array) => at(array, t, H));
  const fromX = split(plus(at(Wxh, x[t], 3 * H), bh), H);
  const fromH = split(product(hPrevious, Whh, 3 * H), H);
  const a = split(at(trace.a, t, 3 * H), H);
  const dh = at(grads.dh, t, H);
  const [daR, daZ, daN] = split(at(grads.da, t, 3 * H), H);
  const later = t < T - 1;
  const zero = new Float64Array(H);
  const { directly: throughZ, byGates: throughGates, dk: dkNext } = later ? handedBack(state, t + 1) : { directly: zero, byGates: zero, dk: [] };
  const mixed = [times(rest(z), n), times(z, hPrevious)];
  return {
    a: () => ["gated_of_r", "gated_of_z"].map((title, k) => (
      block(title, row("", "x_Wxh", fromX[k]), row("+", "h_Whh", fromH[k]), row("=", "a", a[k])))),
    gates: () => [
      block("gated_of_r", row("", "a_r", a[0]), share("→", "r", r)), block("gated_of_z", row("", "a_z", a[1]), share("→", "z", z)),
    ],
    m: () => [block("gated_of_m", row("", "h_Whh", fromH[2]), row("+", "bn", bn), row("=", "m", m))],
    n: () => [
      block("gated_of_reset", row("", "m", m), share("×", "r", r), row("=", "r * m", times(r, m))),
      block("gated_of_n", row("", "x_Wxh", fromX[2]), row("+", "r * m", times(r, m)), row("=", "a_n", a[2]), share("→", "n", n)),
    ],
    h: () => [
      block("gated_of_new", share("", "1 - z", rest(z)), share("×", "n", n), share("=", "(1 - z) * n", mixed[0])),
      block("gated_of_old", share("", "z", z), share("×", "h_prev", hPrevious), share("=", "z * h_prev", mixed[1])),
      block("gated_of_h", share("", "(1 - z) * n", mixed[0]), share("+", "z * h_prev", mixed[1]), share("=", "h", h)),
    ],
    dh: () => [
      block("gated_of_along_h", ...(later ? [row("", "dh[t+1]", at(grads.dh, t + 1, H)), share("×", "z[t+1]", at(trace.z, t + 1, H))] : []),
        row(later ? "=" : "", "through_z", throughZ)),
      block("gated_of_through_gates", ...dkNext.map((part, k) => row("", `dk_${"rzn"[k]}[t+1]`, part)),
        row(later ? "→" : "", "through_gates", throughGates)),
      block("gated_of_dh", row("", "do @ Why.T", transposedProduct(at(grads.do, t, V), Why, H)), row("+", "through_z", throughZ),
        row("+", "through_gates", throughGates), row("=", "dh", dh)),
    ],
    dn: () => [block("gated_of_n", row("", "dh", dh), share("×", "1 - z", rest(z)), share("×", "1 - n**2", tanhSlope(n)), row("=", "da_n", daN))],
    dz: () => [block("gated_of_z", row("", "dh", dh), row("×", "h_prev - n", less(hPrevious, n)), share("×", "z * (1 - z)", slope(z)),
      row("=", "da_z", daZ))],
    dr: () => [block("gated_of_r", row("", "da_n", daN), row("×", "m", m), share("×", "r * (1 - r)", slope(r)), row("=", "da_r", daR))],
    back() {
      const { directly, byGates } = handedBack(state, t);
      return [
        block("gated_of_along_h", row("", "dh", dh), share("×", "z", z), row("=", "through_z", directly)),
        block("gated_of_through_gates", row("", "da_r", daR), row("", "da_z", daZ), row("", "da_n * r", times(daN, r)),
          row("→", "through_gates", byGates)),
        block("gated_of_back_h", row("", "through_z", directly), row("+", "through_gates", byGates),
          row("=", "dh_next", plus(directly, byGates))),
      ];
    },
    ...outputMoves(state),
  };
}

/** The blocks of the move of this name at step t.
 * @returns {Block[]} */
export function blocksOf(name, state) {
  return (state.params.cell === "gru" ? movesOfGru : movesOfLstm)(state)[name]();
}

/** The row of this name in some blocks. */
export function rowOf(blocks, name) {
  return blocks.flatMap(({ rows }) => rows).find((each) => each.name === name)?.values;
}
