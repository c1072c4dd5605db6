/**
 * The controls of TrainingLab: its text with some to choose from, its settings, and messages beside them.
 */

import { checkText, checkWhole, Problem } from "../model/network.js";
import { make, setText } from "../ui/dom.js";
import { field, slider } from "../ui/fields.js";
import { PRESETS } from "./presets.js";
import { LIMITS, OPTIMIZERS } from "./facts.js";

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

/** @param {{model: any, words: any, begin: (traits: object) => void, tune: (traits: object) => void}} parts
 * begin sets traits with which another run begins; tune those that a run can change on its way */
export function labControls({ model, words, begin, tune }) {
  const options = [...PRESETS.map(([key]) => key), "lab_preset_own"].map((key, value) => make("option", { value }, words(key)));
  const fields = {
    preset: field(words, "lab_preset", make("select", {}, ...options)),
    text: field(words, "text", make("textarea", { rows: 3, spellcheck: false, autocomplete: "off", maxLength: 20 * LIMITS.text })),
    optimizer: field(words, "lab_optimizer", make("select", {},
      ...Object.entries(OPTIMIZERS).map(([value, each]) => make("option", { value }, words(each.words))))),
    seed: field(words, "seed", make("input", { type: "number", min: 0, max: LIMITS.seed, step: 1, inputMode: "numeric" })),
  };
  for (const [name, { label, values }] of Object.entries(SLIDERS)) fields[name] = slider(words, label, 0, values.length - 1);
  const given = make("p", { className: "rnn-given" });
  const { preset, text, hidden_size, learning_rate, steps, clip, temperature, optimizer, seed } = fields;
  const node = make("div", { className: "rnn-lab-controls" },
    make("div", { className: "rnn-lab-source" }, preset.node, text.node),
    make("div", { className: "rnn-lab-settings" },
      ...[hidden_size, steps, learning_rate, clip, optimizer, temperature, seed].map((item) => item.node), given));

  const say = (control, key, values) => {
    for (const [name, item] of Object.entries(fields)) {
      const problem = name === control;
      setText(item.message, problem ? words(key, values) : "");
      item.control.setAttribute("aria-invalid", String(problem && key !== "too_long"));
    }
  };
  const attempt = (action) => {
    try {
      return [action()];
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(problem.control, problem.key, problem.values);
      return null;
    }
  };

  text.control.addEventListener("input", ({ target }) => attempt(() => {
    say();
    const typed = target.value.replace(/\p{Cs}/gu, "\ufffd"); // half a surrogate pair is no character
    const characters = checkText(typed, [...model.get("_characters")], LIMITS.text - 1);
    const n = [...typed].length;
    if (n > characters.length) say("text", "too_long", { n, limit: characters.length });
    begin({ text: characters.join("") });
  }));
  preset.control.addEventListener("change", ({ target }) => {
    const [, chosen] = PRESETS[target.value] ?? [];
    if (chosen === undefined) return text.control.select();
    attempt(() => {
      say();
      begin({ text: checkText(chosen, [...model.get("_characters")], LIMITS.text - 1).join("") });
    });
  });
  seed.control.addEventListener("input", ({ target }) => attempt(() => {
    say();
    begin({ seed: checkWhole("seed", "bad_seed", target.value === "" ? NaN : Number(target.value), 0, LIMITS.seed) });
  }));
  optimizer.control.addEventListener("change", ({ target }) => begin({ optimizer: target.value }));
  for (const [name, { values }] of Object.entries(SLIDERS)) {
    const act = name === "learning_rate" || name === "temperature" ? tune : begin;
    fields[name].control.addEventListener("input", ({ target }) => act({ [name]: values[target.value] }));
  }

  /** Put a trait into a field, unless the reader is typing there. */
  const refresh = ({ control, message }, value) => {
    if (control.value === value || control.matches(":focus")) return;
    control.value = value;
    control.setAttribute("aria-invalid", "false");
    setText(message, "");
  };
  const again = () => drawn && show(drawn);
  for (const { control } of [text, seed]) control.addEventListener("blur", () => setTimeout(again, 200));

  let drawn; // the settings shown
  let broken = false;
  function show(settings) {
    if (drawn?.text !== settings.text) {
      const place = PRESETS.findIndex(([, each]) => each === settings.text);
      preset.control.value = place < 0 ? PRESETS.length : place;
    }
    drawn = settings;
    refresh(text, settings.text);
    refresh(seed, String(settings.seed));
    optimizer.control.value = settings.optimizer;
    const values = {
      hidden_size: settings.H, steps: settings.steps, learning_rate: settings.rate, clip: settings.clip,
      temperature: settings.temperature,
    };
    for (const [name, value] of Object.entries(values)) {
      const said = name === "clip" && !value ? words("lab_clip_off") : String(value);
      fields[name].show(nearest(SLIDERS[name].values, value), said, SLIDERS[name].values.length - 1);
    }
    hidden_size.node.hidden = seed.node.hidden = settings.known.length > 0;
    given.hidden = !settings.known.length;
    setText(given, words("given", { V: settings.vocab.length, H: settings.H }));
  }
  return {
    node, show,
    /** Compute what is to be shown; where the traits cannot be, say why and return nothing. */
    guard(compute) {
      const done = attempt(compute);
      if (done && broken) say();
      broken = !done;
      return done?.[0];
    },
  };
}
