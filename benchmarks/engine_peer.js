// The engine of the book's figures as a peer of `training.py`: reads a line of JSON, answers with one.

import { createInterface } from "node:readline";
import { backward } from "./engine/bptt.js";
import { crossEntropy } from "./engine/loss.js";
import { PARAMETERS } from "./engine/flat.js";
import { forward } from "./engine/rnn.js";

let job, params, windows, slots;
let done = 0;

/** The mean loss of one window of B sequences and its gradient. */
function lossAndGradient(sequences) {
  const B = sequences.length;
  let loss = 0;
  let total = null;
  for (const [x, y] of sequences) {
    const trace = forward(params, x);
    loss += crossEntropy(trace.o, y, job.V) / B;
    const grads = backward(params, trace, y);
    total ??= Object.fromEntries(PARAMETERS.map((name) => [name, new Float64Array(params[name].length)]));
    for (const name of PARAMETERS) total[name].forEach((_, i) => (total[name][i] += grads[name][i] / B));
  }
  return { loss, grads: total };
}

function clippedDescent(grads) {
  let squares = 0;
  for (const name of PARAMETERS) for (const g of grads[name]) squares += g * g;
  const scale = job.rate * Math.min(1, job.clip / Math.sqrt(squares));
  for (const name of PARAMETERS) {
    const [p, g] = [params[name], grads[name]];
    for (let i = 0; i < p.length; i++) p[i] -= scale * g[i];
  }
}

function adam(grads) {
  const [first, second] = [1 - 0.9 ** done, 1 - 0.999 ** done];
  for (const name of PARAMETERS) {
    const [p, g, m, s] = [params[name], grads[name], slots.m[name], slots.s[name]];
    for (let i = 0; i < p.length; i++) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      s[i] = 0.999 * s[i] + 0.001 * g[i] * g[i];
      p[i] -= (job.rate * m[i]) / first / (Math.sqrt(s[i] / second) + 1e-8);
    }
  }
}

function once() {
  const { grads } = lossAndGradient(windows[done % windows.length]);
  done += 1;
  if (job.kind === "sgd") clippedDescent(grads);
  if (job.kind === "adam") adam(grads);
}

/** Seconds per call, of the processor and of the clock, and calls, of calls that take about so many seconds in all. */
function timed(seconds) {
  const start = performance.now();
  const used = process.cpuUsage();
  let calls = 0;
  while (calls === 0 || performance.now() - start < 1000 * seconds) {
    once();
    calls += 1;
  }
  const { user, system } = process.cpuUsage(used);
  return { cpu: (user + system) / 1e6 / calls, wall: (performance.now() - start) / 1000 / calls, calls };
}

const listed = (arrays) => Object.fromEntries(PARAMETERS.map((name) => [name, Array.from(arrays[name])]));

function answer(message) {
  if (message.job) {
    ({ job, windows } = message);
    const arrays = PARAMETERS.map((name) => [name, Float64Array.from(message.params[name])]);
    params = { V: job.V, H: job.H, ...Object.fromEntries(arrays) };
    const zeros = () => Object.fromEntries(PARAMETERS.map((name) => [name, new Float64Array(params[name].length)]));
    slots = { m: zeros(), s: zeros() };
    return { version: process.version };
  }
  if (message.gradient) {
    const { loss, grads } = lossAndGradient(windows[0]);
    return { loss, grads: listed(grads) };
  }
  if (message.weights) return listed(params);
  if (message.timed) return timed(message.timed);
  once();
  return {};
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
