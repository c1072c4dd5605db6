/**
 * The view of TrainingLab: a network that learns its text while the reader watches, and turns the learning rate.
 */

import { linkedChoice, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { bindModel } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { labControls } from "./controls.js";
import { DEFAULTS, LAB_NETWORK, LIMITS, OPTIMIZERS } from "./facts.js";
import { buildKept } from "./kept.js";
import { buildNumbers, sentence } from "./numbers.js";
import { buildSample, buildStates, buildText, buildWeights } from "./panels.js";
import { buildLosses, buildNorms } from "./plots.js";
import { pythonOfRun } from "./python.js";
import { parseRates, printRates, readLab } from "./run.js";
import { Trainer } from "./trainer.js";

const PAINT = 66; // ms between two paints

const PAINT_CALM = 500; // and for readers who want less motion

const SOON = 30; // ms from what the reader does to the picture of it, while it trains

/** Which buttons have nothing to do: a run without updates has no loss to keep, one that goes well needs no other rate. */
function idleButtons({ lab: { run }, failed }, full) {
  const none = !run.count;
  return { step: run.count >= LIMITS.updates, reset: none && !run.stopped, halve: !failed, anew: !failed, keep: none || full };
}

/** keep(lab): keep this run; full(): there is no room for another. */
function buildButtons(words, trainer, keep, full) {
  const button = (name, key, act) => {
    const node = make("button", { type: "button", className: `rnn-button rnn-lab-${name}` }, words(key));
    // Asked as it is now: the picture may be some updates behind.
    node.addEventListener("click", () => trainer.lab && !idleButtons(trainer, full())[name] && act());
    return node;
  };
  const buttons = {
    play: button("play", "play", () => (trainer.active ? trainer.pause() : trainer.play())),
    step: button("step", "lab_step", () => trainer.step()),
    reset: button("reset", "lab_reset", () => trainer.reset()),
    halve: button("halve", "lab_halve", () => trainer.halve()),
    anew: button("anew", "lab_anew", () => trainer.startAnew()),
    keep: button("keep", "lab_keep", () => keep(trainer.lab)),
  };
  return {
    node: make("div", { className: "rnn-lab-buttons" }, ...Object.values(buttons)),
    keep: buttons.keep,
    draw(shown) {
      const { active } = shown;
      setText(buttons.play, words(active ? "pause" : "play"));
      buttons.play.setAttribute("aria-pressed", String(active));
      for (const [each, idle] of Object.entries(idleButtons(shown, shown.full))) buttons[each].setAttribute("aria-disabled", String(idle));
    },
  };
}

function buildProgress(words) {
  const node = make("progress", { className: "rnn-lab-progress", max: 1, value: 0 });
  node.setAttribute("aria-label", words("lab_progress"));
  return {
    node,
    draw({ lab: { run }, target, catchingUp }) {
      node.style.visibility = catchingUp ? "visible" : "hidden";
      if (catchingUp) node.value = run.count / target;
    },
  };
}

function buildSummary(words) {
  const node = make("p", { className: "rnn-summary rnn-lab-summary", role: "status" });
  return {
    node,
    draw(shown) {
      node.classList.toggle("rnn-lab-alert", shown.failed);
      if (shown.speaks) setText(node, sentence(shown, words));
    },
  };
}

/** What a link may say of the lab. */
const linked = (model) => ({
  ...linkedNetwork(model, { ...LIMITS, steps: LIMITS.text - 1 }), steps: linkedWhole(1, LIMITS.steps, DEFAULTS.steps),
  clip: linkedNumber(0, LIMITS.clip, DEFAULTS.clip), optimizer: linkedChoice(Object.keys(OPTIMIZERS), DEFAULTS.optimizer),
  learning_rate: linkedNumber(...LIMITS.rate, DEFAULTS.learning_rate),
  temperature: linkedNumber(...LIMITS.temperature, DEFAULTS.temperature),
  updates: linkedWhole(0, LIMITS.updates, DEFAULTS.updates),
  _rates: { read: (value) => (parseRates(value) ? value : undefined), initial: DEFAULTS._rates },
});

function shareLab({ el, root, model, words, change, trainer }) {
  return shareRow({
    el, root, model, words, change, figure: "TrainingLab", spec: linked(model),
    shown() {
      if (!trainer.lab) return undefined;
      if (trainer.playing) trainer.pause(); // what is computed again may go on: its number of updates is known
      const { settings: { text, H, seed, steps, clip, optimizer, rate, temperature }, rates } = trainer.lab;
      const _rates = rates.length > 1 ? printRates(rates) : undefined;
      return {
        text, hidden_size: H, seed, steps, clip, optimizer, learning_rate: rate, temperature, updates: model.get("updates"), _rates,
      };
    },
    said: () => words("lab_picture", { text: trainer.lab.settings.text, H: trainer.lab.H, updates: trainer.lab.run.count }),
    place: () => `${trainer.lab.run.count}-updates`,
    refuse: () => trainer.lab.rates.length > LIMITS.rates && "lab_link_rates",
    open(traits) {
      trainer.forget(); // a link begins another run
      trainer.begin(traits);
    },
    python: () => pythonOfRun(trainer.lab, model.get("updates")),
  });
}

/** Draws in the page's frames, no more often than a share of the time allows; `paint` is called with nothing waiting. */
class Frames {
  constructor(paint) {
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.paint = paint;
    this.frame = 0; // that was asked for
    this.due = 0; // when the next may be
  }

  ask() {
    this.frame ||= requestAnimationFrame(() => this.now());
  }

  now() {
    this.cancel();
    const start = performance.now();
    this.paint(start);
    const end = performance.now();
    this.due = end + Math.max(this.calm.matches ? PAINT_CALM : PAINT, 5 * (end - start)); // most of the time is for training
  }

  cancel() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }
}

/** What is painted: the run as it is now, and how it goes. */
function shownOf(trainer, kept, now, dark) {
  const { lab, active, catchingUp, target, tooHigh, failed, pace } = trainer;
  readLab(lab);
  return {
    lab, active, catchingUp, target, tooHigh, failed, speed: active ? pace.speed : 0, speaks: trainer.speaks(now),
    kept: kept.runs, full: kept.full(), dark,
  };
}

/** Tell the trainer when the figure comes into sight or leaves it, and when the page does; returns a clean-up. */
function watchSight(root, trainer) {
  const sight = new IntersectionObserver((entries) => trainer.turn(entries.at(-1).isIntersecting));
  sight.observe(root);
  const turn = () => trainer.turn();
  document.addEventListener("visibilitychange", turn);
  return () => {
    document.removeEventListener("visibilitychange", turn);
    sight.disconnect();
  };
}

/** The parts of the figure: those above the panels, and the panels. */
function buildParts(words, trainer, repaint) {
  const kept = buildKept(words, repaint, () => buttons.keep.focus({ preventScroll: true }));
  const buttons = buildButtons(words, trainer, kept.keep, kept.full);
  const head = [buttons, buildProgress(words), buildSummary(words)];
  const panels = [
    buildLosses(words, repaint), buildNumbers(words), buildText(words), buildNorms(words, repaint), buildSample(words),
    buildStates(words), buildWeights(words),
  ];
  return { kept, head, panels };
}

function render({ model, el }) {
  const words = wordsFor(el);
  const channel = new MessageChannel(); // its messages are tasks, so that input of the reader is handled in between
  const repaint = () => trainer.lab && frames.now();
  const frames = new Frames(paint);
  const { change, forget } = bindModel(model, [...LAB_NETWORK, "learning_rate", "temperature", "updates", "_rates"], batchUpdates(draw));
  const trainer = new Trainer({
    model, write: change, rested: repaint,
    now: () => performance.now(),
    later: () => channel.port2.postMessage(0),
    awake: () => document.visibilityState !== "hidden",
    trained: (now) => now > frames.due && frames.ask(),
  });
  channel.port1.onmessage = () => trainer.slice();

  const controls = labControls({ model, words, begin: (traits) => trainer.begin(traits), tune: change });
  const { kept, head, panels } = buildParts(words, trainer, repaint);
  const nodes = (parts) => parts.map(({ node }) => node);
  const root = make("div", { className: "rnn rnn-lab", role: "group" },
    controls.node, ...nodes(head), make("div", { className: "rnn-panels" }, ...nodes([...panels, kept])));
  root.setAttribute("aria-label", words("lab_figure"));
  el.append(root);

  function draw() {
    const settings = controls.guard(() => trainer.follow());
    if (!settings) {
      trainer.playing = false;
      return;
    }
    controls.draw(settings);
    trainer.pump();
    // While it trains the controls answer in the next frame, and the picture follows after that.
    if (trainer.training) frames.due = performance.now() + SOON;
    else frames.ask();
  }

  function paint(now) {
    if (!trainer.lab) return;
    const shown = shownOf(trainer, kept, now, isDark(root));
    for (const part of [...head, ...panels]) part.draw(shown);
  }

  const unsee = watchSight(root, trainer);
  const unthemed = onThemeChange(repaint);
  const unshare = shareLab({ el, root, model, words, change, trainer });
  draw();
  frames.now();
  return () => {
    trainer.forget();
    frames.cancel();
    channel.port1.close();
    unshare();
    unsee();
    for (const part of panels) part.dispose?.();
    unthemed();
    forget();
  };
}

export default figure(render);
