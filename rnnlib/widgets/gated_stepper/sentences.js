/** What a move does, in one sentence with its numbers. */

import { number, percent, quoted, slight } from "../model/format.js";
import { rowOf } from "../model/gated.js";

const length = (values) => slight(Math.hypot(...values));
const mean = (values) => percent(values.reduce((sum, value) => sum + value, 0) / values.length);

/** The key of the words of each move, and the values in them. `of(name)` is a row of the move. */
const SAID = {
  lstm: {
    a: ({ t }) => [t ? "gated_say_lstm_a" : "gated_say_lstm_a_first"],
    gates: (_, of) => ["gated_say_lstm_gates", { i: mean(of("i")), f: mean(of("f")), q: mean(of("q")) }],
    g: (_, of) => ["gated_say_lstm_g", { low: number(Math.min(...of("g"))), high: number(Math.max(...of("g"))) }],
    c: ({ t }, of) => [t ? "gated_say_lstm_c" : "gated_say_lstm_c_first",
      { kept: length(of("f * c_prev")), written: length(of("i * g")), c: length(of("c")) }],
    h: (_, of) => ["gated_say_lstm_h", { c: length(of("tanh_c")), h: length(of("h")) }],
    dh: ({ t, T }, of) => [t < T - 1 ? "gated_say_lstm_dh" : "gated_say_lstm_dh_last",
      { out: length(of("do @ Why.T")), next: length(of("dh_next")), later: t + 2 }],
    dq: (_, of) => ["gated_say_lstm_dq", { da: length(of("da_q")) }],
    dc: ({ t, T }, of) => [t < T - 1 ? "gated_say_lstm_dc" : "gated_say_lstm_dc_last",
      { h: length(of("through_h")), c: length(of("dc_next")), later: t + 2, dc: length(of("dc")) }],
    difg: (_, of) => ["gated_say_lstm_difg", { i: length(of("da_i")), f: length(of("da_f")), g: length(of("da_g")) }],
    back: ({ t }, of) => [t ? "gated_say_lstm_back" : "gated_say_lstm_back_first",
      { previous: t, h: length(of("da @ Whh.T")), c: length(of("dc * f")) }],
  },
  gru: {
    a: ({ t }) => [t ? "gated_say_gru_a" : "gated_say_gru_a_first"],
    gates: (_, of) => ["gated_say_gru_gates", { r: mean(of("r")), z: mean(of("z")) }],
    m: (_, of) => ["gated_say_gru_m", { m: length(of("m")) }],
    n: (_, of) => ["gated_say_gru_n", { m: length(of("m")), rm: length(of("r * m")) }],
    h: (_, of) => ["gated_say_gru_h", { z: mean(of("z")), old: length(of("z * h_prev")), new: length(of("(1 - z) * n")) }],
    dh: ({ t, T }, of) => [t < T - 1 ? "gated_say_gru_dh" : "gated_say_lstm_dh_last",
      { out: length(of("do @ Why.T")), z: length(of("through_z")), gates: length(of("through_gates")), later: t + 2 }],
    dn: (_, of) => ["gated_say_gru_dn", { da: length(of("da_n")) }],
    dz: (_, of) => ["gated_say_gru_dz", { da: length(of("da_z")) }],
    dr: (_, of) => ["gated_say_gru_dr", { da: length(of("da_r")) }],
    back: ({ t }, of) => [t ? "gated_say_gru_back" : "gated_say_gru_back_first",
      { previous: t, z: length(of("through_z")), gates: length(of("through_gates")) }],
  },
};

/** The moves that are the same in both cells. */
const OF_BOTH = {
  o: ({ V, t, y, vocab, trace, losses }) => ["gated_say_o",
    { y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]), loss: number(losses[t]) }],
  do: ({ V, t, y, vocab, trace, grads }) => [V === 1 ? "back_say_no_error" : "back_say_error",
    { y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]), d: slight(grads.do[t * V + y[t]]) }],
};

/** The sentence of the move that is shown. */
export function say(state, words) {
  const { cell, name, t, move, moves, blocks } = state;
  const [key, values] = (OF_BOTH[name] ?? SAID[cell][name])(state, (row) => rowOf(blocks, row));
  return `${words("back_where", { t: t + 1, move: move + 1, moves })} ${words(key, values)}`;
}
