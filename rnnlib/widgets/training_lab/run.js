/**
 * What TrainingLab trains: its settings, checked; the learning rates of a run, which may change on the way; a run that
 * goes on update by update. No drawing here.
 */

import { freshParams } from "../engine/params.js";
import { generator } from "../engine/random.js";
import { encode, vocabulary } from "../engine/text.js";
import { beginRun, Growing, predict, resume, sample, update } from "../engine/train.js";
import { visible } from "../model/format.js";
import { checkText, checkWhole, Problem, unpack } from "../model/network.js";
import { DecimatedCurve } from "./downsampled_curve.js";
import { CELLS, DEFAULTS, LIMITS, OPTIMIZERS, SAMPLE, SHOWN } from "./facts.js";
import { taskOfText } from "./presets.js";

function checkNumber(control, value, low, high, whole = false) {
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  throw new Problem(control, "lab_bad_number", { low, high, value });
}

/** Are these characters that are to be recalled in the text: not too many, each once, and there after its first one? */
export function fitsText(recalled, text) {
  const signs = [...recalled];
  const there = new Set([...text].slice(1));
  return signs.length <= LIMITS.recalled && new Set(signs).size === signs.length && signs.every((sign) => there.has(sign));
}

/** They themselves, or a Problem. */
export function checkRecalled(recalled, text) {
  if (fitsText(recalled, text)) return recalled;
  throw new Problem("recalled", "lab_bad_recalled", { most: LIMITS.recalled, value: [...recalled].slice(0, 20).map(visible).join("") });
}

/** What the traits say, checked; throws a Problem. The state of an older version has neither a cell, nor its forget bias, nor
 * what is recalled. */
export function labSettings(model) {
  const known = [...model.get("_characters")];
  const text = checkText(model.get("text"), known, LIMITS.text - 1).join("");
  const H = checkWhole("hidden_size", "bad_size", model.get("hidden_size"), 1, LIMITS.hidden);
  const optimizer = model.get("optimizer");
  const names = Object.keys(OPTIMIZERS);
  if (!names.includes(optimizer)) throw new Problem("optimizer", "lab_bad_optimizer", { names: names.join(", ") });
  const cell = model.get("cell") ?? "rnn";
  if (!Object.hasOwn(CELLS, cell)) throw new Problem("cell", "lab_bad_cell", { names: Object.keys(CELLS).join(", ") });
  const usual = DEFAULTS.forget_bias;
  const forgets = cell === "lstm" && !known.length;
  return {
    text, H, known, optimizer, cell, forget_bias: forgets ? checkNumber("forget_bias", model.get("forget_bias") ?? usual, ...LIMITS.forget_bias) : usual,
    recalled: checkRecalled(model.get("recalled") ?? "", text),
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
  const { H, steps, optimizer, clip, seed, vocab, text, known, cell, recalled } = settings;
  const V = vocab.length;
  const params = known.length ? unpack(model.get("_weights"), V, H, cell) : freshParams(cell, V, H, seed, settings.forget_bias);
  const ids = encode(vocab, text);
  const run = beginRun({ params, ids, steps, optimizer, clip });
  const windows = Math.ceil((ids.length - 1) / steps);
  /** @type {any} */
  const lab = { settings, vocab, V, H, ids, run, windows, curve: new DecimatedCurve(windows), rates, due: 0, rate: rates[0]?.rate ?? settings.rate };
  if (recalled) Object.assign(lab, { recall: recallOf(lab, recalled), task: taskOfText(text) });
  return Object.assign(lab, { marks: [markOf(run)], spacing: 16 });
}

/** The places where a character is to be recalled, how many there are in each window, and what each update found there. */
function recallOf({ ids, vocab, windows }, recalled) {
  const places = Uint8Array.from(ids, (id, t) => (t && recalled.includes(vocab[id]) ? 1 : 0));
  return { kinds: [...recalled].length, places, losses: new Growing(), hits: new Growing(), ...recallCurves(windows) };
}

const recallCurves = (windows) => ({ loss: new DecimatedCurve(windows), share: new DecimatedCurve(windows) });

/** The curve of one update more, which found `count` places. */
function addRecalled({ loss, share, losses, hits }, i, count) {
  loss.add(count && losses.at(i) / count, count);
  share.add(count && hits.at(i) / count, count);
}

/** How many places the window of update i has, from 0. */
function placesOf({ ids, windows, settings: { steps }, recall: { places } }, i) {
  const from = (i % windows) * steps;
  let count = 0;
  for (let t = from + 1; t <= Math.min(from + steps, ids.length - 1); t++) count += places[t];
  return count;
}

/** Take in what the last update found at the places of its window. */
function lookAtRecalled(lab) {
  const { run: { count, lastStart, stepNorms, space: { losses, hits } }, recall } = lab;
  let [sum, right] = [0, 0];
  for (let t = 0; t < stepNorms.length; t++) {
    if (!recall.places[lastStart + t + 1]) continue;
    sum += losses[t];
    right += hits[t];
  }
  recall.losses.push(sum);
  recall.hits.push(right);
  addRecalled(recall, count - 1, placesOf(lab, count - 1));
}

/** What a plot and a sentence need of a run once it has gone another way. */
export const keepable = ({ curve, settings, rate, run, recall }) => ({
  curve: curve.copy(), settings, rate, loss: run.losses.at(run.count - 1),
  ...(recall && { recall: { kinds: recall.kinds, loss: recall.loss.copy(), share: recall.share.copy() } }),
});

/* States of a run that is going on, so that the reader can go back without training all of it again. */

const MARKS = 32;

const MARKED = 1e6; // numbers in all of them together, at most

const SCALARS = ["count", "window", "epoch", "t"];

function markOf(run) {
  const { weights, slots } = run.space;
  const scalars = Object.fromEntries(SCALARS.map((name) => [name, run[name]]));
  return { ...scalars, h: run.h.slice(), c: run.c?.slice(), weights: weights.slice(), slots: slots.map((slot) => slot.slice()) };
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
  run.c?.set(mark.c);
  run.space.weights.set(mark.weights);
  run.space.slots.forEach((slot, i) => slot.set(mark.slots[i]));
  run.stopped = null;
  run.stepNorms = run.stepNorms.subarray(0, 0);
  lab.marks = lab.marks.filter(({ count }) => count <= run.count);
  lab.curve = new DecimatedCurve(lab.windows);
  run.losses.values().forEach((loss) => lab.curve.add(loss));
  if (lab.recall) {
    Object.assign(lab.recall, recallCurves(lab.windows));
    for (const name of ["losses", "hits"]) lab.recall[name].length = run.count;
    for (let i = 0; i < run.count; i++) addRecalled(lab.recall, i, placesOf(lab, i));
  }
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
  if (lab.recall) lookAtRecalled(lab);
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
 * was given, and the likeliest one; how many of these are right, and of how many that are to be recalled. */
function readText({ ids, run, recall }) {
  const n = Math.min(ids.length, SHOWN);
  const { h, losses, guesses } = predict(run.params, ids.subarray(0, n));
  const read = { n, h, given: new Float64Array(n), guesses: new Int32Array(n), right: 0, recalled: 0, of: 0 };
  for (let t = 1; t < n; t++) {
    read.given[t] = Math.exp(-losses[t - 1]);
    read.guesses[t] = guesses[t - 1];
    const hit = guesses[t - 1] === ids[t] ? 1 : 0;
    read.right += hit;
    if (!recall?.places[t]) continue;
    read.of += 1;
    read.recalled += hit;
  }
  return read;
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
