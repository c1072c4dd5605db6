/**
 * The training of TrainingLab, without a page: what is trained, up to where, and when the traits are told of it. The clock,
 * the order of tasks and the page's traits are handed in, so that all of it can be run step by step.
 */

import { flatten } from "../engine/flat.js";
import { LAB_NETWORK, LIMITS } from "./facts.js";
import { beginLab, goOn, keepable, labSettings, labUpdate, parseRates, printRates, rewind, withRate } from "./run.js";

const SLICE = 10; // ms of training between two looks at what the reader does

const TELL = 500; // ms between two writings of what was trained into the traits

const SAY = 5000; // ms between two sentences for a screen reader

const PACE = 500; // ms over which the updates are counted for the speed

const FRAME = 66; // ms between two frames while the updates can be told apart

const GROWTH = 1.02; // of the updates in a frame, from frame to frame

const FIRST = 2e7; // multiplications that the first drawing waits for: some hundredths of a second

export class Trainer {
  /** @param {{model: any, now: () => number, later: (wait: number) => void, awake: () => boolean, write: (traits: object) => void,
   *   trained: (now: number) => void, rested: () => void, forked?: (before: any) => void}} world
   * now(): the time in ms; later(wait): let `slice` be called as a task of its own, after so many ms; awake(): can the page be
   * seen? write(traits): set them; trained(now): a slice is done and another follows; rested(): something is to be shown at
   * once; forked(before): the run goes another way than it had gone: the curve that it leaves, its settings and its rate */
  constructor(world) {
    this.model = world.model;
    this.now = world.now;
    this.later = world.later;
    this.awake = world.awake;
    this.write = world.write;
    this.trained = world.trained;
    this.rested = world.rested;
    this.forked = world.forked ?? (() => {});
    this.full = false; // as many updates as there is time for, from the first frame on
    this.inSight = true;
    this.waiting = false; // for a slice
    this.told = 0; // when the traits were told
    this.forget();
  }

  /** Stop and forget the run; the next traits begin another. */
  forget() {
    /** @type {any} */
    this.lab = null; // the run that is shown
    this.target = 0; // updates up to which it is computed again, without being asked to play
    this.playing = false;
    /** @type {any} */
    this.tempo = 1; // updates in a frame
    this.ahead = null; // what the run had come to before the reader went back
    this.leap = null; // {at, loss, from, least}: where the loss leapt
    this.seen = -1; // the number of updates that was written last, or acted on
    this.spoken = 0; // when the state was put into words; 0: never
    this.pace = { count: 0, time: 0, speed: 0 };
  }

  get catchingUp() {
    return this.lab !== null && this.lab.run.count < this.target && !this.lab.run.stopped;
  }

  get active() {
    return this.playing || this.catchingUp;
  }

  get training() {
    return (this.catchingUp || (this.playing && this.inSight)) && this.awake();
  }

  /** Is the network worse than a uniform guess, and worse than it was? Given weights may begin badly, and learn. */
  get tooHigh() {
    const { run, curve, V } = this.lab;
    return run.count >= 20 && curve.level > Math.max(1.3 * Math.log(V) + 0.1, run.losses.at(0));
  }

  /** Did training diverge, or does it lead away from the text? */
  get failed() {
    return Boolean(this.lab.run.stopped) || this.tooHigh;
  }

  /** Is a sentence due? At rest always; during training at the beginning, and then after some seconds each. */
  speaks(now) {
    if (this.active && this.spoken && now - this.spoken <= SAY) return false;
    this.spoken = now;
    return true;
  }

  /* Slices of a few ms, each a task of its own, so that input of the reader is handled in between. */

  pump(wait = 0) {
    if (this.waiting || !this.training) return;
    this.waiting = true;
    this.later(wait);
  }

  slice() {
    this.waiting = false;
    if (!this.training) return;
    const { lab, pace } = this;
    const { run } = lab;
    const start = this.now();
    const counted = this.playing && !this.full; // updates a frame; else as many as there is time for
    const limit = this.playing ? LIMITS.updates : this.target;
    const end = counted ? Math.min(limit, run.count + Math.floor(this.tempo)) : limit;
    let now = start;
    while (run.count < end && labUpdate(lab) && now - start < SLICE && !(counted && this.leaps())) now = this.now();
    const busy = run.count < end; // more than there was time for
    if (counted) this.tempo *= busy ? 1 : GROWTH;
    if (this.ahead && run.count >= this.ahead.curve.length) this.ahead = null;
    if (now - pace.time > PACE) {
      const speed = pace.time ? (1000 * (run.count - pace.count)) / (now - pace.time) : 0;
      this.pace = { count: run.count, time: now, speed };
    }
    if (run.stopped || run.count >= limit || this.leap?.at === run.count) return this.pause();
    if (this.playing && now - this.told > TELL) this.tell();
    this.trained(now);
    this.pump(counted && !busy ? Math.max(0, FRAME - (now - start)) : 0);
  }

  /** Has the loss over one reading just leapt, for the first time in this run? */
  leaps() {
    const { run, curve, windows } = this.lab;
    if (this.leap || run.count <= windows) return false;
    if (!(this.least?.loss < curve.level)) this.least = { loss: curve.level, from: run.count };
    const { loss, from } = /** @type {any} */ (this.least);
    if (curve.level < 1.5 * loss || curve.level - loss < 0.2) return false;
    this.leap = { at: run.count, loss: curve.level, from, least: loss };
    return true;
  }

  /** Compute at once what the traits ask for, where the first drawing can wait for it. */
  hurry() {
    const { lab, target } = this;
    const { V, H, settings: { steps } } = lab;
    if (3 * target * steps * H * (H + V) > FIRST) return;
    while (lab.run.count < target && labUpdate(lab));
    if (lab.run.stopped) this.pause();
    else this.target = 0;
  }

  /** The page came into sight, or left it. */
  turn(inSight = this.inSight) {
    this.inSight = inSight;
    if (this.playing && !this.training) this.tell();
    this.pump();
  }

  /** Write into the traits what was trained. */
  tell() {
    const { run, rates } = this.lab;
    const weights = run.count ? flatten(run.params) : new Float64Array(0);
    this.seen = run.count;
    this.told = this.now();
    const _rates = rates.length > 1 ? printRates(rates) : "";
    this.write({ updates: this.seen, _rates, _trained: new DataView(weights.buffer) });
  }

  /* What the reader asks for */

  play() {
    const { lab } = this;
    if (!lab) return;
    if (lab.run.stopped) goOn(lab, lab.rate);
    this.playing = true;
    this.tempo = 1;
    this.pace = { count: 0, time: 0, speed: 0 };
    this.pump();
    this.rested();
    this.spoken = this.now() - SAY + 1000; // what has come of it in a second
  }

  pause() {
    this.playing = false;
    this.target = 0;
    if (!this.lab) return;
    this.tell();
    this.rested();
  }

  step() {
    const { lab } = this;
    if (!lab) return;
    if (lab.run.stopped) goOn(lab, lab.rate);
    if (lab.run.count < LIMITS.updates) labUpdate(lab);
    if (this.ahead && lab.run.count >= this.ahead.curve.length) this.ahead = null;
    this.pause();
  }

  /** How many updates of this run can be shown: it may have gone further than it is shown. */
  get reached() {
    return this.ahead?.curve.length ?? this.lab.run.count;
  }

  /** Go to the state after n updates, of those that the run has done before. */
  goTo(n) {
    const { lab } = this;
    if (!lab) return;
    const wanted = Math.max(0, Math.min(this.reached, n));
    this.playing = false;
    this.target = 0;
    if (wanted < lab.run.count) {
      this.ahead ??= keepable(lab);
      rewind(lab, wanted);
      if (this.leap?.at > wanted) this.leap = null;
      this.least = null;
      this.pace = { count: 0, time: 0, speed: 0 };
    }
    this.target = wanted;
    if (wanted === lab.run.count) return this.pause();
    if (this.training && !this.waiting) this.slice(); // most often this is all
    else this.pump();
  }

  /** Train at full speed from now on, or frame by frame. */
  hasten(full) {
    this.full = full;
    this.tempo = 1;
    this.rested();
  }

  /** The reader takes another way from here: the one that the run had gone is told. */
  fork() {
    const before = this.ahead;
    this.ahead = null;
    if (before) this.forked(before);
  }

  reset() {
    if (!this.lab) return;
    this.playing = false;
    this.target = 0;
    this.restart(this.lab.settings, []);
    this.tell();
    this.rested();
  }

  /** Go on with half the learning rate. */
  halve() {
    const { lab } = this;
    if (!lab) return;
    const rate = Math.max(LIMITS.rate[0], lab.rate / 2);
    if (lab.run.stopped) goOn(lab, rate);
    this.write({ learning_rate: rate });
    this.play();
  }

  /** Begin from fresh weights: after a rate that was far too large the units are saturated at ±1 and hardly learn. */
  startAnew() {
    const { lab } = this;
    if (!lab) return;
    const rate = Math.max(LIMITS.rate[0], Number((lab.rate / 10).toPrecision(2)));
    this.begin({ learning_rate: rate });
    this.restart({ ...lab.settings, rate }, []);
    [this.target, this.seen] = [0, 0];
    this.play();
  }

  /** Set traits with which another run begins. */
  begin(traits) {
    this.write({ updates: 0, _rates: "", ...traits, _trained: new DataView(new ArrayBuffer(0)) });
  }

  restart(settings, rates) {
    this.lab = beginLab(settings, rates.length ? rates : [{ from: 0, rate: settings.rate, anew: false }], this.model);
    this.lab.values = LAB_NETWORK.map((each) => this.model.get(each));
    this.ahead = this.leap = this.least = null;
    this.pace = { count: 0, time: 0, speed: 0 };
    this.spoken = 0;
  }

  /* From the traits to the run */

  /** The settings that the traits say; begins the run that they name, or goes on with it. Throws a Problem. */
  follow() {
    const settings = labSettings(this.model);
    const values = LAB_NETWORK.map((each) => this.model.get(each));
    const other = !this.lab || values.some((value, i) => value !== this.lab.values[i]);
    if (other || settings.updates !== this.seen) this.aim(settings, other);
    this.lab.settings = settings;
    this.turnRate(settings.rate);
    return settings;
  }

  /** Another run, or another number of updates of this one. */
  aim(settings, other) {
    // Traits that begin another run do so from its start, unless its updates were given, too.
    const wanted = settings.updates !== this.seen ? settings.updates : 0;
    const rates = wanted ? parseRates(this.model.get("_rates")) ?? [] : [];
    const turned = !other && rates.length > 1 && printRates(rates) !== printRates(this.lab.rates);
    if (other || turned || wanted < this.lab.run.count) this.restart(settings, rates);
    this.target = wanted;
    this.seen = settings.updates;
    if (wanted !== settings.updates) this.tell();
  }

  /** Another learning rate counts from the next update on. */
  turnRate(rate) {
    const { lab } = this;
    if (rate === lab.rates.at(-1).rate) return;
    this.fork();
    lab.rates = withRate(lab.rates, Math.max(lab.run.count, this.target), rate);
    lab.due = Math.min(lab.due, lab.rates.length - 1);
    if (this.active) return;
    lab.rate = rate;
    this.tell();
  }
}
