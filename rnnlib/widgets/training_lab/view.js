/**
 * The view of TrainingLab: a network that learns its text while the reader watches, and turns the learning rate.
 */

import { linkedChoice, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { bindModel, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { buildTabs } from "../ui/tabs.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { labControls } from "./controls.js";
import { CELLS, DEFAULTS, LAB_NETWORK, LIMITS, OPTIMIZERS } from "./facts.js";
import { buildKept } from "./kept.js";
import { buildNumbers, count, sentence } from "./numbers.js";
import { buildSample, buildStates, buildText, buildWeights } from "./panels.js";
import { buildLosses, buildNorms } from "./plots.js";
import { pythonOfRun } from "./python.js";
import { buildReach } from "./reach.js";
import { fitsText, keepable, parseRates, printRates, readLab } from "./run.js";
import { Trainer } from "./trainer.js";

const PAINT = 66; // ms between two paints at full speed

const PAINT_SLOW = 33; // and while each update can be seen

const PAINT_CALM = 500; // and for readers who want less motion

const SOON = 30; // ms from what the reader does to the picture of it, while it trains

/** Which buttons have nothing to do: a run without updates has no loss to keep. */
function idleButtons({ lab: { run } }, full) {
  return { step: run.count >= LIMITS.updates, reset: !run.count && !run.stopped, keep: !run.count || full };
}

/** The buttons of the run. keep(lab): keep this run; full(): there is no room for another. */
function buildButtons(words, trainer, keep, full) {
  const button = (name, key, act) => {
    const node = make("button", { type: "button", className: `rnn-button rnn-lab-${name}` }, words(key));
    // Asked as it is now: the picture may be some updates behind.
    node.addEventListener("click", () => trainer.lab && !idleButtons(trainer, full())[name] && act());
    return node;
  };
  const rescue = (act) => () => {
    act();
    buttons.play.focus({ preventScroll: true }); // what was pressed is gone
  };
  const buttons = {
    play: button("play", "play", () => (trainer.active ? trainer.pause() : trainer.play())),
    step: button("step", "lab_step", () => trainer.step()),
    reset: button("reset", "lab_reset", () => trainer.reset()),
    halve: button("halve", "lab_halve", rescue(() => trainer.halve())),
    anew: button("anew", "lab_anew", rescue(() => trainer.startAnew())),
    keep: button("keep", "lab_keep", () => keep(trainer.lab)),
    full: button("full", "lab_full", () => trainer.hasten(!trainer.full)),
  };
  return {
    ...buttons,
    draw(shown) {
      const { active, failed } = shown;
      setText(buttons.play, words(active ? "pause" : "play"));
      buttons.play.setAttribute("aria-pressed", String(active));
      buttons.full.setAttribute("aria-pressed", String(trainer.full));
      buttons.halve.hidden = buttons.anew.hidden = !failed;
      for (const [each, idle] of Object.entries(idleButtons(shown, shown.full))) buttons[each].setAttribute("aria-disabled", String(idle));
    },
  };
}

/** How many updates there are in a frame. */
function buildTempo(words) {
  const node = make("span", { className: "rnn-chip" });
  return {
    node,
    draw({ active, tempo }) {
      node.style.visibility = active && !tempo ? "hidden" : "visible";
      const n = Math.floor(active && tempo ? tempo : 1);
      setText(node, words(n === 1 ? "lab_tempo_one" : "lab_tempo", { n: count(n) }));
    },
  };
}

/** What the plot is about: its title, or a choice where something is to be recalled. */
function buildAbout(words, redraw) {
  const title = make("span", { className: "rnn-title" }, words("lab_losses_title"));
  const options = [["all", "lab_losses_title"], ["loss", "lab_recalled_title"], ["share", "lab_hits_title"]];
  const choice = make("select", {}, ...options.map(([value, key]) => make("option", { value }, words(key))));
  choice.setAttribute("aria-label", words("lab_about"));
  choice.addEventListener("change", redraw);
  choice.value = "share";
  return {
    nodes: [title, choice],
    about: (lab) => (lab.recall ? choice.value : "all"),
    draw({ lab: { recall } }) {
      title.hidden = Boolean(recall);
      choice.hidden = !recall;
    },
  };
}

/** The place in the run that is shown. */
function buildPlace(words, go) {
  const { node, control, show } = slider(words, "lab_place", 0, 1);
  node.classList.add("rnn-lab-place");
  control.addEventListener("input", ({ target }) => go(Number(target.value)));
  return { node, draw: ({ lab: { run }, reached }) => show(run.count, count(run.count), reached) };
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

/** What a link may say of the lab. Given weights have their cell. */
const linked = (model) => ({
  ...linkedNetwork(model, { ...LIMITS, steps: LIMITS.text - 1 }),
  ...(model.get("_characters") ? {} : {
    cell: linkedChoice(Object.keys(CELLS), DEFAULTS.cell), forget_bias: linkedNumber(...LIMITS.forget_bias, DEFAULTS.forget_bias),
  }),
  recalled: { read: (value, { text }) => (fitsText(value, text) ? value : undefined), initial: DEFAULTS.recalled }, steps: linkedWhole(1, LIMITS.steps, DEFAULTS.steps),
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
      const { settings: { text, H, seed, cell, forget_bias, recalled, steps, clip, optimizer, rate, temperature }, rates } = trainer.lab;
      const _rates = rates.length > 1 ? printRates(rates) : undefined;
      return {
        text, hidden_size: H, seed, cell, forget_bias: cell === "lstm" ? forget_bias : undefined, recalled, steps, clip, optimizer, learning_rate: rate, temperature, updates: model.get("updates"), _rates,
      };
    },
    said() {
      const { settings: { text, cell }, H, run } = trainer.lab;
      return words("lab_picture", { text, cell: words(CELLS[cell].one), H, updates: run.count });
    },
    place: () => `${trainer.lab.run.count}-updates`,
    refuse: () => trainer.lab.rates.length > LIMITS.rates && "lab_link_rates",
    open(traits) {
      trainer.forget(); // a link begins another run
      const { text = model.get("text") } = traits;
      // one that says nothing of what is to be recalled may have a text without it
      trainer.begin(fitsText(model.get("recalled") ?? "", text) ? traits : { recalled: "", ...traits });
    },
    python: () => pythonOfRun(trainer.lab, model.get("updates")),
  });
}

/** Draws in the page's frames, no more often than a share of the time allows; `paint` is called with nothing waiting, and
 * says whether what is shown goes on slowly. */
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
    const slow = this.paint(start);
    const end = performance.now();
    const least = this.calm.matches ? PAINT_CALM : slow ? PAINT_SLOW : PAINT;
    this.due = end + Math.max(least, 5 * (end - start)); // most of the time is for training
  }

  cancel() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }
}

/** What is painted: the run as it is now, and how it goes. */
function shownOf(trainer, kept, now, dark) {
  const { lab, active, catchingUp, target, tooHigh, failed, pace, ahead, reached, leap, playing, full, tempo } = trainer;
  readLab(lab);
  return {
    lab, active, catchingUp, target, tooHigh, failed, ahead, reached, leap, tempo: playing && !full ? tempo : 0,
    speed: active ? pace.speed : 0, speaks: trainer.speaks(now), kept: kept.runs, full: kept.full(), dark,
  };
}

/** Tell the trainer when the figure comes into sight or leaves it, and when the page does; returns a clean-up. */
function watchSight(root, trainer) {
  const sight = new IntersectionObserver((entries) => trainer.turn(entries.at(-1)?.isIntersecting));
  sight.observe(root);
  const turn = () => trainer.turn();
  document.addEventListener("visibilitychange", turn);
  return () => {
    document.removeEventListener("visibilitychange", turn);
    sight.disconnect();
  };
}

/** The parts of the figure: `always` are drawn each time, of `cards` the one in sight, and the numbers. */
function buildParts(words, trainer, repaint) {
  const go = (update) => trainer.goTo(update);
  const kept = buildKept(words, repaint, () => buttons.keep.focus({ preventScroll: true }));
  const buttons = buildButtons(words, trainer, (lab) => kept.keep(keepable(lab)), kept.full);
  const about = buildAbout(words, repaint);
  const [losses, text, tempo, place] = [buildLosses(words, repaint, go), buildText(words), buildTempo(words), buildPlace(words, go)];
  const [progress, summary, numbers] = [buildProgress(words), buildSummary(words), buildNumbers(words)];
  /** @type {[string, any][]} */
  const cards = [
    ["lab_sample_title", buildSample(words)], ["lab_states_title", buildStates(words)], ["lab_weights_tab", buildWeights(words)],
    ["back_card_shares", buildReach(words)], ["lab_norms_title", buildNorms(words, repaint)], ["lab_numbers_title", { node: numbers.node, draw() {} }],
    ["lab_kept_title", { node: kept.node, draw() {} }],
  ];
  const tabs = buildTabs({
    label: words("lab_cards"), cards: cards.map(([name, { node }]) => [words(name), node]),
    choose(i) {
      tabs.show(i);
      repaint();
    },
  });
  const stage = make("div", { className: "rnn-lab-stage" },
    make("div", { className: "rnn-lab-head" }, ...about.nodes, tempo.node,
      buttons.full, buttons.keep),
    losses.node, place.node, progress.node, text.node);
  const always = [about, buttons, tempo, losses, place, progress, summary, text, numbers];
  return {
    kept, buttons, stage, note: text.note, summary, tabs,
    draw(shown) {
      const whole = { ...shown, about: about.about(shown.lab) };
      for (const part of [...always, cards[tabs.current()][1]]) part.draw(whole);
    },
    dispose: () => [losses, ...cards.map(([, card]) => card)].forEach((part) => part.dispose?.()),
  };
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
    later: (wait) => (wait ? setTimeout(() => trainer.slice(), wait) : channel.port2.postMessage(0)),
    awake: () => document.visibilityState !== "hidden",
    trained: (now) => now > frames.due && frames.ask(),
    forked: (before) => kept.keep(before),
  });
  channel.port1.onmessage = () => trainer.slice();

  const controls = labControls({ model, words, begin: (traits) => trainer.begin(traits), tune: change });
  const parts = buildParts(words, trainer, repaint);
  const { kept, buttons: { play, step, reset, halve, anew }, stage, note, summary, tabs } = parts;
  const root = make("div", { className: "rnn rnn-lab", role: "group" }, stage,
    make("div", { className: "rnn-lab-buttons" }, play, step, reset, controls.rate, controls.cell), summary.node, note,
    make("div", { className: "rnn-lab-buttons" }, halve, anew), ...tabs.nodes, controls.source, controls.more);
  root.setAttribute("aria-label", words("lab_figure"));
  el.append(root);

  let first = true;

  function draw() {
    const settings = controls.guard(() => trainer.follow());
    if (!settings) {
      trainer.playing = false;
      return;
    }
    controls.draw(settings);
    if (first && trainer.catchingUp) trainer.hurry();
    first = false;
    trainer.pump();
    // While it trains the controls answer in the next frame, and the picture follows after that.
    if (trainer.training) frames.due = performance.now() + SOON;
    else frames.ask();
  }

  function paint(now) {
    if (!trainer.lab) return false;
    const shown = shownOf(trainer, kept, now, isDark(root));
    parts.draw(shown);
    return shown.tempo > 0;
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
    parts.dispose();
    unthemed();
    forget();
  };
}

export default figure(render);
