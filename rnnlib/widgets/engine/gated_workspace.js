/**
 * The loss and its gradient for training an LSTM or a GRU: what workspace.js does for the vanilla network, in buffers
 * that are allocated once. See gated_workspace.py.
 *
 * Both have `buffers(V, H, T)`, to be part of `run.space` for windows of at most T steps, and `states` and `gradient`,
 * which are called as those of workspace.js. Row 0 of `space.h`, and of an LSTM that of `space.c`, is the state that a
 * window starts from; row T the state that it leaves.
 */

import { sigmoid } from "./cell.js";
import { buffersOf, rowProduct, stridedProduct } from "./workspace.js";

/** Buffers of any gated cell: gates (T, G), G numbers for each step, and what comes back from the step after. */
function sharedBuffers(V, H, T, G) {
  const [gates, back, carried] = [T * G, H, H].map((size) => new Float64Array(size));
  return { ...buffersOf(V, H, T, G), gates, back, carried };
}

/** From (ŷ - y) / T in space.o to dWhy, dby and, in space.dh, the part of dh that comes through the logits. */
function gradientOfLogits({ V, H, params, space }, T) {
  const { h, o, dh, grads } = space;
  stridedProduct(grads.Why, H, V, T, h, H, 1, H, o, 1, V);
  stridedProduct(dh, T, H, V, o, 0, V, 1, params.Why, V, 1);
  grads.by.fill(0);
  for (let t = 0; t < T; t++) for (let j = 0; j < V; j++) grads.by[j] += o[t * V + j];
}

/** dWxh and dbh from da, whose rows have G numbers. */
function gradientOfInputs({ ids, space }, from, T, G) {
  const { da, grads } = space;
  grads.Wxh.fill(0);
  grads.bh.fill(0);
  for (let t = 0; t < T; t++) {
    const [x, at] = [ids[from + t] * G, t * G];
    for (let j = 0; j < G; j++) {
      grads.bh[j] += da[at + j];
      grads.Wxh[x + j] += da[at + j];
    }
  }
}

/** @param {number} V
 * @param {number} H
 * @param {number} T */
function lstmBuffers(V, H, T) {
  return { ...sharedBuffers(V, H, T, 4 * H), c: new Float64Array((T + 1) * H), tanhC: new Float64Array(T * H) };
}

function statesOfLSTM({ H, ids, params, space }, from, T) {
  const { Wxh, Whh, bh } = params;
  const { h, c, tanhC, gates, row } = space;
  const G = 4 * H;
  for (let t = 0; t < T; t++) {
    const [x, at, next] = [ids[from + t] * G, t * G, (t + 1) * H];
    for (let j = 0; j < G; j++) row[j] = Wxh[x + j] + bh[j];
    rowProduct(row, G, H, row, 0, h, t * H, Whh, 1, G);
    for (let j = 0; j < H; j++) {
      const [i, f] = [sigmoid(row[j]), sigmoid(row[H + j])];
      const [g, q] = [Math.tanh(row[2 * H + j]), sigmoid(row[3 * H + j])];
      gates[at + j] = i;
      gates[at + H + j] = f;
      gates[at + 2 * H + j] = g;
      gates[at + 3 * H + j] = q;
      c[next + j] = f * c[t * H + j] + i * g;
      tanhC[t * H + j] = Math.tanh(c[next + j]);
      h[next + j] = q * tanhC[t * H + j];
    }
  }
}

function gradientOfLSTM(run, from, T) {
  const { H, params, space } = run;
  const { h, c, tanhC, gates, dh, da, back, carried } = space;
  const G = 4 * H;
  gradientOfLogits(run, T);
  carried.fill(0); // dc_{t+1} ⊙ f_{t+1}
  for (let t = T - 1; t >= 0; t--) {
    const at = t * G;
    // Nothing comes back to the last step: none of its da is read.
    rowProduct(back, H, t < T - 1 ? G : 0, dh, t * H, da, at + G, params.Whh, G, 1);
    for (let j = 0; j < H; j++) {
      const [i, f, g, q] = [gates[at + j], gates[at + H + j], gates[at + 2 * H + j], gates[at + 3 * H + j]];
      const tanh = tanhC[t * H + j];
      const dc = back[j] * q * (1 - tanh * tanh) + carried[j];
      da[at + j] = dc * g * i * (1 - i);
      da[at + H + j] = dc * c[t * H + j] * f * (1 - f);
      da[at + 2 * H + j] = dc * i * (1 - g * g);
      da[at + 3 * H + j] = back[j] * tanh * q * (1 - q);
      carried[j] = dc * f;
    }
  }
  stridedProduct(space.grads.Whh, H, G, T, h, 0, 1, H, da, 1, G);
  gradientOfInputs(run, from, T, G);
}

/** @param {number} V
 * @param {number} H
 * @param {number} T */
function gruBuffers(V, H, T) {
  const G = 3 * H;
  return { ...sharedBuffers(V, H, T, G), m: new Float64Array(T * H), dk: new Float64Array(T * G), product: new Float64Array(G),
    zeros: new Float64Array(G) };
}

function statesOfGRU({ H, ids, params, space }, from, T) {
  const { Wxh, Whh, bh, bn } = params;
  const { h, m, gates, product, zeros } = space;
  const G = 3 * H;
  for (let t = 0; t < T; t++) {
    const [x, at, next] = [ids[from + t] * G, t * G, (t + 1) * H];
    rowProduct(product, G, H, zeros, 0, h, t * H, Whh, 1, G);
    for (let j = 0; j < H; j++) {
      const r = sigmoid(Wxh[x + j] + bh[j] + product[j]);
      const z = sigmoid(Wxh[x + H + j] + bh[H + j] + product[H + j]);
      const candidate = product[2 * H + j] + bn[j];
      const n = Math.tanh(Wxh[x + 2 * H + j] + bh[2 * H + j] + r * candidate);
      m[t * H + j] = candidate;
      gates[at + j] = r;
      gates[at + H + j] = z;
      gates[at + 2 * H + j] = n;
      h[next + j] = (1 - z) * n + z * h[t * H + j];
    }
  }
}

function gradientOfGRU(run, from, T) {
  const { H, params, space } = run;
  const { h, m, gates, dh, da, dk, back, carried, grads } = space;
  const G = 3 * H;
  gradientOfLogits(run, T);
  grads.bn.fill(0);
  carried.fill(0); // dh_{t+1} ⊙ z_{t+1}
  for (let t = T - 1; t >= 0; t--) {
    const at = t * G;
    // Nothing comes back to the last step: none of its dk is read.
    rowProduct(back, H, t < T - 1 ? G : 0, dh, t * H, dk, at + G, params.Whh, G, 1);
    for (let j = 0; j < H; j++) {
      const [r, z, n] = [gates[at + j], gates[at + H + j], gates[at + 2 * H + j]];
      const error = back[j] + carried[j];
      const ofN = error * (1 - z) * (1 - n * n);
      da[at + j] = ofN * m[t * H + j] * r * (1 - r);
      da[at + H + j] = error * (h[t * H + j] - n) * z * (1 - z);
      da[at + 2 * H + j] = ofN;
      dk[at + j] = da[at + j];
      dk[at + H + j] = da[at + H + j];
      dk[at + 2 * H + j] = ofN * r;
      grads.bn[j] += ofN * r;
      carried[j] = error * z;
    }
  }
  stridedProduct(grads.Whh, H, G, T, h, 0, 1, H, dk, 1, G);
  gradientOfInputs(run, from, T, G);
}

/** The workspace of each gated cell, by its name. */
export const GATED_WORKSPACES = {
  lstm: { buffers: lstmBuffers, states: statesOfLSTM, gradient: gradientOfLSTM },
  gru: { buffers: gruBuffers, states: statesOfGRU, gradient: gradientOfGRU },
};
