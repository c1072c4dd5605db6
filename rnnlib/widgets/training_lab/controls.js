/**
 * The controls of TrainingLab: its text, with examples to choose from, its settings, and messages next to them.
 */

import { checkText } from "../model/network.js";
import { make, setText } from "../ui/dom.js";
import { afterPress, field, fieldMessages, onTyped, refresh, slider } from "../ui/fields.js";
import { CELLS, LIMITS, OPTIMIZERS } from "./facts.js";
import { largestSize, PRESETS, TASK_PRESETS, taskOfSize, taskOfText } from "./presets.js";
import { checkRecalled, fitsText } from "./run.js";

/** Values of two digits from low to high, `each` of them a decade. */
function decades(low, high, each) {
  const count = Math.round(Math.log10(high / low) * each);
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? high : Number((low * 10 ** (i / each)).toPrecision(2))));
}

const whole = (most) => Array.from({ length: most }, (_, i) => i + 1);

const SLIDERS = {
  hidden_size: { label: "hidden_size", values: whole(LIMITS.hidden) },
  forget_bias: { label: "flow_forget_bias", values: Array.from({ length: 10 * LIMITS.forget_bias[1] + 1 }, (_, i) => i / 10) },
  learning_rate: { label: "lab_rate", values: decades(...LIMITS.rate, 20) },
  steps: { label: "lab_steps", values: whole(LIMITS.steps) },
  clip: { label: "lab_clip", values: [0, ...decades(0.01, LIMITS.clip, 10)] },
  temperature: { label: "lab_temperature", values: Array.from({ length: 30 }, (_, i) => (i + 1) / 10) },
};

/** The place of the value, or of the one nearest to it. */
function nearest(values, value) {
  let best = 0;
  values.forEach((each, i) => {
    if (Math.abs(each - value) < Math.abs(values[best] - value)) best = i;
  });
  return best;
}

/** What may be chosen: the words of a text, then its traits, where it is not the reader's own.
 * @type {{key: any, kind?: string, traits?: () => any}[]} */
const CHOICES = [
  ...PRESETS.map(([key, text]) => ({ key, traits: () => ({ text, recalled: "" }) })),
  ...Object.entries(TASK_PRESETS).map(([kind, [key, , n]]) => ({ key, kind, traits: () => taskOfSize(kind, n) })),
  { key: "lab_preset_own" },
];

function buildFields(words) {
  const options = CHOICES.map(({ key }, value) => make("option", { value }, words(key)));
  const fields = {
    preset: field(words, "lab_preset", make("select", {}, ...options)),
    text: field(words, "text", make("textarea", {
      rows: 1, dir: "auto", spellcheck: false, autocomplete: "off", maxLength: 20 * LIMITS.text,
    })),
    cell: field(words, "lab_cell", make("select", {},
      ...Object.entries(CELLS).map(([value, each]) => make("option", { value }, words(each.words))))),
    size: slider(words, "lab_fillers", 1, 2),
    recalled: field(words, "lab_recalled", make("input", { type: "text", dir: "auto", spellcheck: false, autocomplete: "off" })),
    optimizer: field(words, "lab_optimizer", make("select", {},
      ...Object.entries(OPTIMIZERS).map(([value, each]) => make("option", { value }, words(each.words))))),
    seed: field(words, "seed", make("input", { type: "number", min: 0, max: LIMITS.seed, step: 1, inputMode: "numeric" })),
  };
  for (const [name, { label, values }] of Object.entries(SLIDERS)) fields[name] = slider(words, label, 0, values.length - 1);
  return fields;
}

/** @param {{model: any, words: any, begin: (traits: object) => void, tune: (traits: object) => void}} parts
 * begin sets traits with which another run begins; tune those that a run can change on its way */
export function labControls({ model, words, begin, tune }) {
  const fields = buildFields(words);
  const { preset, text, cell, size, recalled, hidden_size, forget_bias, learning_rate, steps, clip, temperature, optimizer, seed } = fields;
  const given = make("p", { className: "rnn-given" });
  const source = make("div", { className: "rnn-lab-source" }, preset.node, size.node, text.node);
  const more = make("details", { className: "rnn-more" }, make("summary", {}, words("more")),
    make("div", { className: "rnn-lab-settings" },
      ...[hidden_size, forget_bias, steps, clip, optimizer, temperature, seed, recalled].map((item) => item.node), given));
  const messages = fieldMessages(fields, words);

  onTyped(fields, messages, model, { steps: LIMITS.text - 1, seed: LIMITS.seed }, (traits) => (
    begin("text" in traits && !fitsText(drawn.recalled, traits.text) ? { ...traits, recalled: "" } : traits)));
  const take = (traits) => messages.attempt(() => {
    messages.say();
    checkText(traits.text, [...model.get("_characters")], LIMITS.text - 1);
    begin(traits);
  });
  preset.control.addEventListener("change", ({ target }) => {
    const { traits } = CHOICES[target.value];
    if (!traits) return text.control.select();
    take(traits());
  });
  size.control.addEventListener("input", ({ target }) => task && take(taskOfSize(task.kind, Number(target.value))));
  recalled.control.addEventListener("input", ({ target }) => messages.attempt(() => {
    messages.say();
    begin({ recalled: checkRecalled(target.value, model.get("text")) });
  }));
  cell.control.addEventListener("change", ({ target }) => begin({ cell: target.value }));
  optimizer.control.addEventListener("change", ({ target }) => begin({ optimizer: target.value }));
  for (const [name, { values }] of Object.entries(SLIDERS)) {
    const act = name === "learning_rate" || name === "temperature" ? tune : begin;
    fields[name].control.addEventListener("input", ({ target }) => act({ [name]: values[target.value] }));
  }

  let drawn; // the settings shown
  let task; // of their text
  const again = () => drawn && draw(drawn);
  for (const { control } of [text, seed, recalled]) control.addEventListener("blur", () => afterPress(again));

  function draw(settings) {
    if (drawn?.text !== settings.text) {
      task = taskOfText(settings.text);
      const place = task ? CHOICES.findIndex(({ kind }) => kind === task.kind)
        : PRESETS.findIndex(([, each]) => each === settings.text);
      preset.control.value = place < 0 ? CHOICES.length - 1 : place;
      size.node.hidden = !task;
      if (task) {
        setText(size.node.querySelector(".rnn-label"), words(TASK_PRESETS[task.kind][1]));
        size.show(task.n, String(task.n), largestSize(task.kind));
      }
    }
    drawn = settings;
    refresh(text, settings.text);
    refresh(seed, String(settings.seed));
    refresh(recalled, settings.recalled);
    optimizer.control.value = settings.optimizer;
    cell.control.value = settings.cell;
    drawSliders(fields, settings, words);
    forget_bias.node.hidden = settings.cell !== "lstm" || settings.known.length > 0;
    cell.node.hidden = hidden_size.node.hidden = seed.node.hidden = settings.known.length > 0;
    given.hidden = !settings.known.length;
    setText(given, words("given", { V: settings.vocab.length, H: settings.H }));
  }
  /** A message in what is folded opens it. */
  const guard = (compute) => {
    const done = messages.guard(compute);
    const refused = ({ node, control }) => more.contains(node) && control.getAttribute("aria-invalid") === "true";
    if (!done && Object.values(fields).some(refused)) more.open = true;
    return done;
  };
  return { source, cell: cell.node, rate: learning_rate.node, more, draw, guard };
}

function drawSliders(fields, { H, forget_bias, steps, rate, clip, temperature }, words) {
  const values = { hidden_size: H, forget_bias, steps, learning_rate: rate, clip, temperature };
  for (const [name, value] of Object.entries(values)) {
    const said = name === "clip" && !value ? words("lab_clip_off") : String(value);
    fields[name].show(nearest(SLIDERS[name].values, value), said, SLIDERS[name].values.length - 1);
  }
}
