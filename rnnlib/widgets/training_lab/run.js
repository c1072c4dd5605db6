/**
 * What TrainingLab trains: its settings, checked; the learning rates of a run, which may change on the way; a run that
 * goes on update by update. No drawing here.
 */

import { initParams } from "../engine/params.js";
import { generator } from "../engine/random.js";
import { forward } from "../engine/rnn.js";
import { encode, vocabulary } from "../engine/text.js";
import { beginRun, resume, sample, update } from "../engine/train.js";
import { checkText, checkWhole, network, Problem } from "../model/network.js";
import { DecimatedCurve } from "./downsampled_curve.js";
import { LIMITS, OPTIMIZERS, SAMPLE } from "./facts.js";

const SHOWN = 200; // characters of the text that are shown

function checkNumber(control, value, low, high, whole = false) {
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw new Problem(control, "lab_bad_number", { low, high, value });
}

/** What the traits say, checked; throws a Problem. */
export function labSettings(model) {
  const known = [...model.get("_characters")];
  const text = checkText(model.get("text"), known, LIMITS.text - 1).join("");
  const H = checkWhole("hidden_size", "bad_size", model.get("hidden_size"), 1, LIMITS.hidden);
  const optimizer = model.get("optimizer");
  const names = Object.keys(OPTIMIZERS);
  if (!names.includes(optimizer)) throw new Problem("optimizer", "lab_bad_optimizer", { names: names.join(", ") });
  return {
    text, H, known, optimizer,
    vocab: known.length ? known : vocabulary(text),
    seed: checkWhole("seed", "bad_seed", model.get("seed"), 0, LIMITS.seed),
    steps: checkNumber("steps", model.get("steps"), 1, LIMITS.steps, true),
    clip: checkNumber("clip", model.get("clip"), 0, LIMITS.clip),
    rate: checkNumber("learning_rate", model.get("learning_rate"), ...LIMITS.rate),
    temperature: checkNumber("temperature", model.get("temperature"), ...LIMITS.temperature),
    updates: Math.min(LIMITS.updates, Math.max(0, Math.round(model.get("updates")) || 0)),
  };
}

/* The learning rates of a run, as the trait _rates keeps them: "0:0.1,312:0.05*" is 0.1 from the start and 0.05 from the
 * update after the first 312 on; the star says that the optimiser forgets, as it does after a divergence. */

const RATE_ENTRY = /^(\d{1,7}):(\d[\d.e-]{0,24})(\*?)$/;

/** The entries {from, rate, anew} of such a text, in order; undefined when it is none. */
export function parseRates(text) {
  const entries = text === "" ? [] : text.split(",", LIMITS.rates + 1).map((part) => {
    const [, from, rate, star] = RATE_ENTRY.exec(part) ?? [];
    return { from: Number(from), rate: Number(rate), anew: star === "*" };
  });
  const good = entries.every(({ from, rate, anew }, i) => rate >= LIMITS.rate[0] && rate <= LIMITS.rate[1] && from <= LIMITS.updates
    && (i ? from > entries[i - 1].from : from === 0 && !anew));
  return good && entries.length <= LIMITS.rates ? entries : undefined;
}

export function printRates(entries) {
  return entries.map(({ from, rate, anew }) => `${from}:${rate}${anew ? "*" : ""}`).join(",");
}

/** The entries with another rate after `from` updates; what was said for later is gone. */
export function withRate(entries, from, rate, anew = false) {
  const earlier = entries.filter((entry) => entry.from < from);
  const same = entries.some((entry) => entry.from === from && entry.anew);
  return [...earlier, { from, rate, anew: from > 0 && (anew || same) }];
}

/** A run before its first update, with the curve of its losses. */
export function beginLab(settings, rates, model) {
  const { H, steps, optimizer, clip, seed, vocab, text, known } = settings;
  const V = vocab.length;
  // Given weights are unpacked by `network`, which reads texts of another length; only its weights are wanted.
  const few = { text: [...text].slice(0, 2).join("") };
  const params = known.length ? network({ get: (name) => few[name] ?? model.get(name) }).params : initParams(V, H, seed);
  const ids = encode(vocab, text);
  const run = beginRun({ params, ids, steps, optimizer, clip });
  const windows = Math.ceil((ids.length - 1) / steps);
  /** @type {any} */
  const lab = { settings, vocab, V, H, ids, run, windows, curve: new DecimatedCurve(windows), rates, due: 0, rate: rates[0]?.rate ?? settings.rate };
  return Object.assign(lab, { marks: [markOf(run)], spacing: 16 });
}

/** What a plot and a sentence need of a run once it has gone another way. */
export const keepable = ({ curve, settings, rate, run }) => (
  { curve: curve.copy(), settings, rate, loss: run.losses.at(run.count - 1) });

/* States of a run that is going on, so that the reader can go back without training all of it again. */

const MARKS = 32;

const MARKED = 1e6; // numbers in all of them together, at most

const SCALARS = ["count", "window", "epoch", "t"];

function markOf(run) {
  const { weights, slots } = run.space;
  const scalars = Object.fromEntries(SCALARS.map((name) => [name, run[name]]));
  return { ...scalars, h: run.h.slice(), weights: weights.slice(), slots: slots.map((slot) => slot.slice()) };
}

/** Remember the state now and then, less often the longer the run is. */
function remember(lab) {
  const { run, marks } = lab;
  if (run.count % lab.spacing || run.count <= marks.at(-1).count) return;
  marks.push(markOf(run));
  const most = Math.max(2, Math.min(MARKS, MARKED / ((1 + run.space.slots.length) * run.space.weights.length)));
  if (marks.length <= most) return;
  lab.spacing *= 2;
  lab.marks = marks.filter(({ count }) => count % lab.spacing === 0);
}

/** Take a run back to a state that it has had after at most n updates; after less than n, unless n is 0, so that the last
 * update is computed and what it leaves behind is there. */
export function rewind(lab, n) {
  const { run } = lab;
  const mark = lab.marks.findLast(({ count }) => count < n) ?? lab.marks[0];
  for (const name of SCALARS) run[name] = mark[name];
  for (const name of ["losses", "norms", "rates"]) run[name].length = run.count;
  run.h.set(mark.h);
  run.space.weights.set(mark.weights);
  run.space.slots.forEach((slot, i) => slot.set(mark.slots[i]));
  run.stopped = null;
  run.stepNorms = run.stepNorms.subarray(0, 0);
  lab.marks = lab.marks.filter(({ count }) => count <= run.count);
  lab.curve = new DecimatedCurve(lab.windows);
  run.losses.values().forEach((loss) => lab.curve.add(loss));
  lab.due = lab.rates.findLastIndex(({ from }) => from < run.count) + 1;
  lab.rate = lab.rates[Math.max(0, lab.due - 1)].rate;
  lab.readAt = -1;
}

/** The rate of the next update, and what goes with it. */
function turnRate(lab) {
  const { run, rates } = lab;
  while (lab.due < rates.length && rates[lab.due].from <= run.count) {
    const { rate, anew } = rates[lab.due];
    lab.due += 1;
    lab.rate = rate;
    if (anew) resume(run);
  }
}

/** One more update; false when it diverged, and the run stays as it is. */
export function labUpdate(lab) {
  turnRate(lab);
  if (!update(lab.run, lab.rate)) return false;
  lab.curve.add(lab.run.losses.at(lab.run.count - 1));
  remember(lab);
  return true;
}

/** Go on with this rate after a divergence, from the last finite weights; the optimiser remembers nothing. */
export function goOn(lab, rate) {
  resume(lab.run);
  lab.rates = withRate(lab.rates, lab.run.count, rate, true);
  lab.due = lab.rates.length - 1;
}

/** The text as far as it is shown, read from a state of zeros; for each character but the first the probability that it
 * was given, and the likeliest one. */
function readText({ V, ids, run }) {
  const n = Math.min(ids.length, SHOWN);
  const { h, yhat } = forward(run.params, ids.slice(0, n - 1));
  const [given, guesses] = [new Float64Array(n), new Int32Array(n)];
  let right = 0;
  for (let t = 1; t < n; t++) {
    const from = (t - 1) * V;
    let best = 0;
    for (let i = 1; i < V; i++) if (yhat[from + i] > yhat[from + best]) best = i;
    given[t] = yhat[from + ids[t]];
    guesses[t] = best;
    if (best === ids[t]) right += 1;
  }
  return { n, h, given, guesses, right };
}

/** What the network makes of its text, as `lab.read`, and what it writes, as `lab.sample`; computed again only after a change. */
export function readLab(lab) {
  const { run, ids, vocab, settings: { temperature, seed } } = lab;
  if (lab.readAt !== run.count) lab.read = readText(lab);
  if (lab.readAt !== run.count || lab.temperature !== temperature) {
    const drawn = sample(run.params, [ids[0]], SAMPLE, temperature, generator(seed));
    lab.sample = Array.from(drawn, (id) => vocab[id]);
  }
  Object.assign(lab, { readAt: run.count, temperature });
}
