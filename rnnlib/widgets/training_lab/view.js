/**
 * The view of TrainingLab: a network that learns its text while the reader watches, and turns the learning rate.
 */

import { flatten } from "../engine/flat.js";
import { generator } from "../engine/random.js";
import { sample } from "../engine/train.js";
import { number, slight, visible } from "../model/format.js";
import { linkedChoice, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { ramp } from "../ui/colour.js";
import { batchUpdates, make, setText, svg } from "../ui/dom.js";
import { bindModel } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { labControls } from "./controls.js";
import { buildStates, buildText, buildWeights, drawStates, drawText, drawWeights, panel, readText } from "./panels.js";
import { buildLosses, buildNorms, drawLosses, drawNorms } from "./plots.js";
import { DEFAULTS, LAB, LAB_NETWORK, MOST_RATES, OPTIMIZERS, SAMPLE } from "./facts.js";
import {
  beginLab, goOn, labSettings, labUpdate, parseRates, printRates, withRate,
} from "./run.js";

const SLICE = 10; // ms of training between two looks at what the reader does

const PAINT = 66; // ms between two paints

const PAINT_CALM = 500; // and for readers who want less motion

const SOON = 30; // ms from what the reader does to the picture of it, while it trains

const TELL = 500; // ms between two writings of what was trained into the traits

const SAY = 5000; // ms between two sentences for a screen reader


const MOST_KEPT = 6;

const LETTERS = "ABCDEF";

const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

function buildNumbers(words) {
  const names = ["update", "reading", "loss", "mean", "perplexity", "bits", "norm", "rate", "speed"];
  const keys = {
    update: "lab_update", reading: "lab_reading", loss: "lab_loss", mean: "lab_mean", perplexity: "lab_perplexity", bits: "lab_bits",
    norm: "lab_norm", rate: "lab_rate_now", speed: "lab_speed",
  };
  const values = Object.fromEntries(names.map((name) => [name, make("dd", { className: `rnn-lab-${name}` })]));
  const node = make("dl", { className: "rnn-lab-numbers" },
    ...names.map((name) => make("div", {}, make("dt", {}, words(keys[name])), values[name])));
  return { node, values };
}

function drawNumbers({ values }, { run, rate, curve }, speed) {
  const n = run.count;
  const loss = n ? run.losses.at(n - 1) : NaN;
  const print = (value) => (Number.isNaN(value) ? "–" : slight(value));
  setText(values.update, count(n));
  setText(values.reading, count(run.epoch + 1));
  setText(values.loss, print(loss));
  setText(values.mean, print(curve.level));
  setText(values.perplexity, print(Math.exp(curve.level)));
  setText(values.bits, print(curve.level / Math.LN2));
  setText(values.norm, n ? slight(run.norms.at(n - 1)) : "–");
  setText(values.rate, String(rate));
  setText(values.speed, speed ? count(speed < 100 ? Number(speed.toPrecision(2)) : Math.round(speed)) : "–");
}

function buildKept(words) {
  const list = make("ol", { className: "rnn-lab-kept" });
  const note = make("p", { className: "rnn-note" }, words("lab_kept_none", { most: MOST_KEPT }));
  return { node: panel(words("lab_kept_title"), "", note, list), list, note };
}

/** The lines of Python that train what the lab has trained up to so many updates, and write what it writes. */
function pythonOfRun({ settings: { steps, clip, optimizer, seed, rate }, rates }, updates, temperature) {
  const name = OPTIMIZERS[optimizer].name;
  const entries = rates.filter(({ from }, i) => !i || from < updates);
  const lines = entries.flatMap((entry, i) => [
    ...(entry.anew ? ["run = run._replace(slots={name: 0 * slot for name, slot in run.slots.items()}, t=0)"] : []),
    `run = train(${i ? "run" : "params"}, ids, ${name}(), rate=${updates ? entry.rate : rate}, updates=${entries[i + 1]?.from ?? updates}, **options)`,
  ]);
  return {
    plain: [
      "ids = vocab.encode(text)",
      `options = {"steps": ${steps}, "clip": ${clip || "None"}, "progress": False}`,
      ...lines,
      `written = sample(run.params, vocab, text[0], ${SAMPLE}, temperature=${temperature}, rng=np.random.default_rng(${seed}))`,
    ],
    imports: { rnnlib: ["Vocabulary"], "rnnlib.optim": [name], "rnnlib.train": ["sample", "train"] },
  };
}

function render({ model, el }) {
  const words = wordsFor(el);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let lab; // the run that is shown
  let target = 0; // updates up to which it is computed again, without being asked to play
  let playing = false;
  let seen = -1; // the number of updates that this view wrote last, or acted on
  let temperature = 1;
  const kept = [];

  const schedule = batchUpdates(draw);
  const own = ["learning_rate", "temperature", "updates", "_rates"];
  const { change, forget } = bindModel(model, [...LAB_NETWORK, ...own], schedule);

  const begin = (traits) => change({ updates: 0, _rates: "", ...traits, _trained: new DataView(new ArrayBuffer(0)) });
  const controls = labControls({ model, words, begin, tune: change });
  const button = (name, key, act) => {
    const node = make("button", { type: "button", className: `rnn-button rnn-lab-${name}` }, words(key));
    node.addEventListener("click", () => node.getAttribute("aria-disabled") !== "true" && act());
    return node;
  };
  const buttons = {
    play: button("play", "play", () => (active() ? pause() : play())),
    step: button("step", "lab_step", oneStep),
    reset: button("reset", "lab_reset", reset),
    halve: button("halve", "lab_halve", halve),
    anew: button("anew", "lab_anew", startAnew),
    keep: button("keep", "lab_keep", keepRun),
  };
  const progress = make("progress", { className: "rnn-lab-progress", max: 1, value: 0 });
  progress.setAttribute("aria-label", words("lab_progress"));
  const summary = make("p", { className: "rnn-summary rnn-lab-summary", role: "status" });
  const losses = buildLosses(words, () => repaint());
  const numbers = buildNumbers(words);
  const norms = buildNorms(words, () => repaint());
  const normsNote = make("p", { className: "rnn-note" });
  const text = buildText(words);
  const drawn = make("p", { className: "rnn-lab-sample" });
  const drawnNote = make("p", { className: "rnn-note" });
  const states = buildStates(words);
  const weights = buildWeights(words);
  const keptRuns = buildKept(words);
  const lossNote = make("p", { className: "rnn-note" }, words("lab_loss_note"));
  const root = make("div", { className: "rnn rnn-lab", role: "group" },
    controls.node,
    make("div", { className: "rnn-lab-buttons" }, ...Object.values(buttons)),
    progress, summary,
    make("div", { className: "rnn-panels" },
      panel(words("lab_losses_title"), "", losses.node, lossNote), numbers.node,
      text.node,
      panel(words("lab_norms_title"), "", norms.node, normsNote), panel(words("lab_sample_title"), "", drawn, drawnNote),
      states.node, weights.node, keptRuns.node));
  root.setAttribute("aria-label", words("lab_figure"));
  el.append(root);

  /* Training: slices of a few ms, each a task of its own, so that whatever the reader does comes in between. */

  const channel = new MessageChannel();
  let [pumping, inSight, frame, due, told, spoken] = [false, true, 0, 0, 0, 0];
  let pace = { count: 0, time: 0, speed: 0 };
  channel.port1.onmessage = slice;

  const catchingUp = () => lab && lab.run.count < target && !lab.run.stopped;
  const active = () => playing || catchingUp();
  const training = () => (catchingUp() || (playing && inSight)) && document.visibilityState !== "hidden";

  function pump() {
    if (pumping || !training()) return;
    pumping = true;
    channel.port2.postMessage(0);
  }

  function slice() {
    pumping = false;
    if (!training()) return;
    const { run } = lab;
    const start = performance.now();
    const limit = playing ? LAB.updates : target;
    let now = start;
    while (run.count < limit && labUpdate(lab) && now - start < SLICE) now = performance.now();
    if (now - pace.time > 500) {
      pace = { count: run.count, time: now, speed: pace.time ? (1000 * (run.count - pace.count)) / (now - pace.time) : 0 };
    }
    if (run.stopped || run.count >= limit) return pause();
    if (playing && now - told > TELL) tell();
    if (!frame && now > due) frame = requestAnimationFrame(paint);
    pump();
  }

  /** Write into the traits what was trained. */
  function tell() {
    const { run, rates } = lab;
    const all = run.count ? flatten(run.params) : new Float64Array(0);
    seen = run.count;
    told = performance.now();
    change({ updates: seen, _rates: rates.length > 1 ? printRates(rates) : "", _trained: new DataView(all.buffer) });
  }

  function repaint() {
    if (lab) paint();
  }

  function play() {
    if (!lab) return;
    if (lab.run.stopped) goOn(lab, lab.rate);
    playing = true;
    pace = { count: 0, time: 0, speed: 0 };
    pump();
    repaint();
    spoken = performance.now() - SAY + 1000; // what has come of it in a second
  }

  function pause() {
    playing = false;
    target = 0;
    if (lab) tell();
    repaint();
  }

  function oneStep() {
    if (!lab) return;
    if (lab.run.stopped) goOn(lab, lab.rate);
    if (lab.run.count < LAB.updates) labUpdate(lab);
    pause();
  }

  function reset() {
    if (!lab) return;
    playing = false;
    target = 0;
    restart(lab.settings, []);
    tell();
    repaint();
  }

  /** Is the network worse than a uniform guess, and worse than it was? Given weights may begin badly, and learn. */
  const tooHigh = () => lab.run.count >= 20 && lab.curve.level > Math.max(1.3 * Math.log(lab.V) + 0.1, lab.run.losses.at(0));

  function halve() {
    if (!lab) return;
    const rate = Math.max(LAB.rate[0], lab.rate / 2);
    if (lab.run.stopped) goOn(lab, rate);
    change({ learning_rate: rate });
    play();
  }

  /** From fresh weights: where a rate was far too large, the units stand at ±1, and learn hardly any more at a smaller one. */
  function startAnew() {
    if (!lab) return;
    const rate = Math.max(LAB.rate[0], Number((lab.rate / 10).toPrecision(2)));
    begin({ learning_rate: rate });
    restart({ ...lab.settings, rate }, []);
    [target, seen] = [0, 0];
    play();
  }

  function restart(settings, rates) {
    lab = beginLab(settings, rates.length ? rates : [{ from: 0, rate: settings.rate, anew: false }], model);
    lab.values = LAB_NETWORK.map((each) => model.get(each));
    pace = { count: 0, time: 0, speed: 0 };
    spoken = 0;
  }

  /* Kept runs */

  function keepRun() {
    if (!lab || kept.length === MOST_KEPT) return;
    const style = LETTERS.split("").findIndex((letter) => kept.every((run) => run.letter !== letter));
    const letter = LETTERS[style];
    const { run, settings, curve, rate } = lab;
    const sign = svg("svg", { class: "rnn-run-sign", viewBox: "0 0 44 10", "aria-hidden": "true" },
      svg("path", { class: `rnn-run-line rnn-run-${style + 1}`, d: "M0 5h44" }));
    const short = [...settings.text].slice(0, 12).map((c) => (c === " " ? c : visible(c))).join("");
    const said = words("lab_kept", {
      letter, n: count(run.count), loss: slight(run.losses.at(run.count - 1)), H: settings.H, rate, steps: settings.steps,
      optimizer: words(OPTIMIZERS[settings.optimizer].words), clip: settings.clip || words("lab_clip_off"), seed: settings.seed,
      text: `“\u2068${short}${[...settings.text].length > 12 ? "…" : ""}\u2069”`,
    });
    const remove = make("button", { type: "button", className: "rnn-button rnn-lab-remove" }, words("lab_remove"));
    remove.setAttribute("aria-label", words("lab_remove_run", { letter }));
    const item = { letter, style: style + 1, curve: curve.copy(), node: make("li", {}, sign, make("span", {}, said), remove) };
    remove.addEventListener("click", () => {
      kept.splice(kept.indexOf(item), 1);
      showKept();
      buttons.keep.focus({ preventScroll: true });
    });
    kept.push(item);
    showKept();
  }

  function showKept() {
    keptRuns.list.replaceChildren(...kept.map((item) => item.node));
    setText(keptRuns.note, words(kept.length ? "lab_kept_some" : "lab_kept_none", { most: MOST_KEPT }));
    repaint();
  }

  /* From traits to the run, and from the run to the picture */

  function draw() {
    const settings = controls.guard(() => {
      const checked = labSettings(model);
      const values = LAB_NETWORK.map((each) => model.get(each));
      const other = !lab || values.some((value, i) => value !== lab.values[i]);
      if (!other && checked.updates === seen) return checked;
      // Traits that begin another run do so from its start, unless its updates were given, too.
      const wanted = checked.updates !== seen ? checked.updates : 0;
      const rates = wanted ? parseRates(model.get("_rates")) ?? [] : [];
      const turned = !other && rates.length > 1 && printRates(rates) !== printRates(lab.rates);
      if (other || turned || wanted < lab.run.count) restart(checked, rates);
      lab.settings = checked;
      target = wanted;
      seen = checked.updates;
      if (wanted !== checked.updates) tell();
      return checked;
    });
    if (!settings) {
      playing = false;
      return;
    }
    const last = lab.rates.at(-1).rate;
    if (settings.rate !== last) {
      lab.rates = withRate(lab.rates, Math.max(lab.run.count, target), settings.rate);
      lab.due = Math.min(lab.due, lab.rates.length - 1);
      if (!active()) {
        lab.rate = settings.rate;
        tell();
      }
    }
    temperature = settings.temperature;
    lab.settings = settings;
    controls.show(settings);
    pump();
    // While it trains the controls answer in the next frame, and the picture follows after that.
    if (training()) due = performance.now() + SOON;
    else if (!frame) frame = requestAnimationFrame(paint);
  }

  function say() {
    const { run, V } = lab;
    const { stopped, count: n } = run;
    if (stopped) {
      return words("lab_diverged", {
        update: count(stopped.update), rate: stopped.rate, norm: Number.isFinite(stopped.norm) ? slight(stopped.norm) : words("lab_no_number"),
        loss: Number.isFinite(stopped.loss) ? slight(stopped.loss) : words("lab_no_number"), n: count(n),
      });
    }
    if (catchingUp()) return words("lab_replaying", { n: count(n), target: count(target) });
    if (!n) return words("lab_fresh", { V, uniform: number(Math.log(V)) });
    if (n >= LAB.updates) return words("lab_end", { n: count(n) });
    const values = { n: count(n), loss: slight(lab.curve.level), uniform: number(Math.log(V)), V };
    if (tooHigh()) {
      const rates = lab.rates.filter(({ from }) => from < n).map(({ rate }) => rate);
      return words("lab_high", { ...values, first: slight(run.losses.at(0)), rate: Math.max(...rates) });
    }
    return words("lab_summary", { ...values, right: lab.read.right, of: lab.read.n - 1 });
  }

  function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (!lab) return;
    const start = performance.now();
    const { run, ids, vocab, V } = lab;
    const dark = isDark(root);
    if (lab.readAt !== run.count) lab.read = readText(lab);
    if (lab.readAt !== run.count || lab.temperature !== temperature) {
      const drawnIds = sample(run.params, [ids[0]], SAMPLE, temperature, generator(lab.settings.seed));
      lab.sample = Array.from(drawnIds, (id) => vocab[id]);
    }
    Object.assign(lab, { readAt: run.count, temperature });

    const stopped = Boolean(run.stopped);
    const failed = stopped || tooHigh();
    setText(buttons.play, words(active() ? "pause" : "play"));
    buttons.play.setAttribute("aria-pressed", String(active()));
    const none = {
      step: run.count >= LAB.updates, reset: !run.count && !stopped, halve: !failed, anew: !failed,
      keep: !run.count || kept.length === MOST_KEPT,
    };
    for (const [each, disabled] of Object.entries(none)) buttons[each].setAttribute("aria-disabled", String(disabled));
    progress.style.visibility = catchingUp() ? "visible" : "hidden";
    if (catchingUp()) progress.value = run.count / target;

    drawLosses(losses, lab.curve, kept, Math.log(V));
    drawNumbers(numbers, lab, active() ? pace.speed : 0);
    const read = run.count ? ids.subarray(run.lastStart, run.lastStart + run.stepNorms.length) : [];
    drawNorms(norms, run.count ? run.stepNorms : [], Array.from(read, (id) => visible(vocab[id])));
    const flat = run.count > 0 && run.stepNorms.every((norm) => norm === 0);
    setText(normsNote, words(flat ? "lab_norms_zero" : "lab_norms_note"));
    drawText(text, lab.read, lab, words, dark);
    drawStates(states, lab.read, lab, words, dark);
    drawWeights(weights, lab, words, dark);
    text.bar.style.background = ramp(dark, true);
    setText(drawn, [vocab[ids[0]], ...lab.sample].map((c) => (c === " " ? c : visible(c))).join(""));
    setText(drawnNote, words("lab_sample_note", { length: SAMPLE, temperature, seed: lab.settings.seed }));
    summary.classList.toggle("rnn-lab-alert", failed);
    if (!active() || !spoken || start - spoken > SAY) {
      setText(summary, say());
      spoken = start;
    }
    const end = performance.now();
    due = end + Math.max(calm.matches ? PAINT_CALM : PAINT, 5 * (end - start)); // most of the time is for training
  }

  /** The figure came into sight, or left it. */
  const turn = () => {
    if (playing && !training()) tell();
    pump();
  };
  const sight = new IntersectionObserver((entries) => {
    inSight = entries.at(-1).isIntersecting;
    turn();
  });
  sight.observe(root);
  document.addEventListener("visibilitychange", turn);
  const unthemed = onThemeChange(repaint);
  const unshare = shareRow({
    el, root, model, words, change, figure: "TrainingLab",
    spec: {
      ...linkedNetwork(model, { ...LAB, steps: LAB.text - 1 }), steps: linkedWhole(1, LAB.steps, DEFAULTS.steps),
      clip: linkedNumber(0, LAB.clip, DEFAULTS.clip), optimizer: linkedChoice(Object.keys(OPTIMIZERS), DEFAULTS.optimizer),
      learning_rate: linkedNumber(...LAB.rate, DEFAULTS.learning_rate),
      temperature: linkedNumber(...LAB.temperature, DEFAULTS.temperature),
      updates: linkedWhole(0, LAB.updates, DEFAULTS.updates),
      _rates: { read: (value) => (parseRates(value) ? value : undefined), initial: DEFAULTS._rates },
    },
    shown() {
      if (!lab) return undefined;
      if (playing) pause(); // what is computed again may go on: its number of updates is known
      const { text, H, seed, steps, clip, optimizer, rate } = lab.settings;
      const _rates = lab.rates.length > 1 ? printRates(lab.rates) : undefined;
      return {
        text, hidden_size: H, seed, steps, clip, optimizer, learning_rate: rate, temperature, updates: model.get("updates"), _rates,
      };
    },
    said: () => words("lab_picture", { text: lab.settings.text, H: lab.H, updates: lab.run.count }),
    place: () => `${lab.run.count}-updates`,
    refuse: () => lab.rates.length > MOST_RATES && "lab_link_rates",
    open(traits) {
      playing = false;
      [lab, seen] = [null, -1]; // whatever was shown, this begins anew
      begin(traits);
    },
    python: () => pythonOfRun(lab, model.get("updates"), temperature),
  });
  draw();
  paint();
  return () => {
    playing = false;
    target = 0;
    lab = null;
    cancelAnimationFrame(frame);
    channel.port1.close();
    document.removeEventListener("visibilitychange", turn);
    unshare();
    for (const observer of [sight, losses.observer, norms.observer]) observer.disconnect();
    unthemed();
    forget();
  };
}

export default figure(render);
