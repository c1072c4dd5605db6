/**
 * The controls of TrainingLab: its text, with examples to choose from, its settings, and messages next to them.
 */

import { checkText } from "../model/network.js";
import { make, setText } from "../ui/dom.js";
import { afterPress, field, fieldMessages, onTyped, refresh, slider } from "../ui/fields.js";
import { LIMITS, OPTIMIZERS } from "./facts.js";
import { PRESETS } from "./presets.js";

/** Values of two digits from low to high, `each` of them a decade. */
function decades(low, high, each) {
  const count = Math.round(Math.log10(high / low) * each);
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? high : Number((low * 10 ** (i / each)).toPrecision(2))));
}

const whole = (most) => Array.from({ length: most }, (_, i) => i + 1);

const SLIDERS = {
  hidden_size: { label: "hidden_size", values: whole(LIMITS.hidden) },
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

function buildFields(words) {
  const options = [...PRESETS.map(([key]) => key), "lab_preset_own"].map((key, value) => make("option", { value }, words(key)));
  const fields = {
    preset: field(words, "lab_preset", make("select", {}, ...options)),
    text: field(words, "text", make("textarea", {
      rows: 1, dir: "auto", spellcheck: false, autocomplete: "off", maxLength: 20 * LIMITS.text,
    })),
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
  const { preset, text, hidden_size, learning_rate, steps, clip, temperature, optimizer, seed } = fields;
  const given = make("p", { className: "rnn-given" });
  const source = make("div", { className: "rnn-lab-source" }, preset.node, text.node);
  const more = make("details", { className: "rnn-more" }, make("summary", {}, words("more")),
    make("div", { className: "rnn-lab-settings" },
      ...[hidden_size, steps, clip, optimizer, temperature, seed].map((item) => item.node), given));
  const messages = fieldMessages(fields, words);

  onTyped(fields, messages, model, { steps: LIMITS.text - 1, seed: LIMITS.seed }, begin);
  preset.control.addEventListener("change", ({ target }) => {
    const [, chosen] = PRESETS[target.value] ?? [];
    if (chosen === undefined) return text.control.select();
    messages.attempt(() => {
      messages.say();
      begin({ text: checkText(chosen, [...model.get("_characters")], LIMITS.text - 1).join("") });
    });
  });
  optimizer.control.addEventListener("change", ({ target }) => begin({ optimizer: target.value }));
  for (const [name, { values }] of Object.entries(SLIDERS)) {
    const act = name === "learning_rate" || name === "temperature" ? tune : begin;
    fields[name].control.addEventListener("input", ({ target }) => act({ [name]: values[target.value] }));
  }

  let drawn; // the settings shown
  const again = () => drawn && draw(drawn);
  for (const { control } of [text, seed]) control.addEventListener("blur", () => afterPress(again));

  function draw(settings) {
    if (drawn?.text !== settings.text) {
      const place = PRESETS.findIndex(([, each]) => each === settings.text);
      preset.control.value = place < 0 ? PRESETS.length : place;
    }
    drawn = settings;
    refresh(text, settings.text);
    refresh(seed, String(settings.seed));
    optimizer.control.value = settings.optimizer;
    drawSliders(fields, settings, words);
    hidden_size.node.hidden = seed.node.hidden = settings.known.length > 0;
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
  return { source, rate: learning_rate.node, more, draw, guard };
}

function drawSliders(fields, { H, steps, rate, clip, temperature }, words) {
  const values = { hidden_size: H, steps, learning_rate: rate, clip, temperature };
  for (const [name, value] of Object.entries(values)) {
    const said = name === "clip" && !value ? words("lab_clip_off") : String(value);
    fields[name].show(nearest(SLIDERS[name].values, value), said, SLIDERS[name].values.length - 1);
  }
}
