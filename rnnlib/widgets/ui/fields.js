/** The controls that figures of a network share: text, hidden size and seed, with their checks and messages. */

import { LIMITS } from "../model/limits.js";
import { checkText, checkWhole, Problem } from "../model/network.js";
import { make, setText } from "./dom.js";

/** A control with its name, and a line for messages under it. */
export function field(words, name, control, ...rest) {
  const message = make("span", { className: "rnn-message", role: "status" });
  const label = make("label", { className: `rnn-field rnn-field-${name}` },
    make("span", { className: "rnn-label" }, words(name)), control, ...rest);
  return { node: make("div", { className: `rnn-control rnn-control-${name}` }, label, message), control, message };
}

/** A slider with its value in words next to it. Screen readers read the value from the slider, so the words are hidden
 * from them. */
export function slider(words, name, min, max) {
  const shown = make("span", { className: "rnn-value", "aria-hidden": "true" });
  const item = field(words, name, make("input", { type: "range", min, max, step: 1 }), shown);
  const show = (value, said = String(value), most = max) => {
    item.control.max = most;
    item.control.value = value;
    item.control.setAttribute("aria-valuetext", said);
    item.control.setAttribute("aria-disabled", String(most === min)); // there is nothing to choose
    setText(shown, said);
  };
  return { ...item, show };
}

/** Act when a press that may be under way is over: a message that goes while the pointer is down moves what it points at. */
export function afterPress(action) {
  const act = () => {
    clearTimeout(timer);
    removeEventListener("pointerup", soon);
    action();
  };
  const soon = () => setTimeout(act); // the click comes first
  const timer = setTimeout(act, 500);
  addEventListener("pointerup", soon, { once: true });
}

/** Messages at the fields (trait -> field): what is wrong with a value that was typed, or that a trait holds.
 * @returns {{say: (control?: string, key?: string, values?: object) => void, attempt: (action: () => any) => any[] | null,
 *   guard: (compute: () => any) => any}}
 * say(): no message is left. attempt(action): its result in an array; a Problem becomes a message, and gives null.
 * guard(compute): the same for the traits themselves; nothing where they cannot be shown, and the last good state stays */
export function fieldMessages(fields, words) {
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
  let broken = false; // the traits cannot be shown; what was typed and refused never becomes a trait
  const guard = (compute) => {
    const done = attempt(compute);
    if (done && broken) say();
    broken = !done;
    return done?.[0];
  };
  return { say, attempt, guard };
}

/** Hand on what is typed into the fields of the text and the seed when it is good; else a message says why not. */
export function onTyped({ text, seed }, { say, attempt }, model, limits, change) {
  text.control.addEventListener("input", ({ target }) => attempt(() => {
    say();
    const typed = target.value.replace(/\p{Cs}/gu, "\ufffd"); // half a surrogate pair is no character
    const characters = checkText(typed, [...model.get("_characters")], limits.steps);
    const n = [...typed].length;
    if (n > characters.length) say("text", "too_long", { n, limit: characters.length });
    change({ text: characters.join("") });
  }));
  seed.control.addEventListener("input", ({ target }) => attempt(() => {
    say();
    const value = target.value === "" ? NaN : Number(target.value);
    change({ seed: checkWhole("seed", "bad_seed", value, 0, limits.seed) });
  }));
}

/** Put the value of a trait into its field, unless the reader is typing there. With a refused value goes its message. */
export function refresh({ control, message }, value) {
  if (control.value === value || control.matches(":focus")) return;
  control.value = value;
  control.setAttribute("aria-invalid", "false");
  setText(message, "");
}

/** Text, hidden size and seed of the network. What is typed goes to the model when it is good; else a message says why not.
 * @param {{model: any, words: any, change: (traits: object) => void, settle?: (size: {T?: number, text?: string, H?: number}) => object,
 *   limits?: {steps: number, hidden: number, seed: number}}} parts
 * settle(size) gives the traits that must follow a new text, of T steps, or a new size */
export function networkFields({ model, words, change, settle = () => ({}), limits = LIMITS }) {
  const fields = {
    text: field(words, "text", make("input", { type: "text", dir: "auto", spellcheck: false, autocomplete: "off" })),
    hidden_size: slider(words, "hidden_size", 1, limits.hidden),
    seed: field(words, "seed", make("input", { type: "number", min: 0, max: limits.seed, step: 1, inputMode: "numeric" })),
  };
  const given = make("span", { className: "rnn-given" });
  const node = make("div", { className: "rnn-top" }, ...Object.values(fields).map((item) => item.node), given);
  const messages = fieldMessages(fields, words);

  onTyped(fields, messages, model, limits, (traits) => (
    change("text" in traits ? { ...traits, ...settle({ T: [...traits.text].length - 1, text: traits.text }) } : traits)));
  fields.hidden_size.control.addEventListener("input", ({ target }) => {
    messages.say();
    const H = Number(target.value);
    change({ hidden_size: H, ...settle({ H }) });
  });
  const again = (name) => refresh(fields[name], String(model.get(name)));
  for (const name of ["text", "seed"]) fields[name].control.addEventListener("blur", () => afterPress(() => again(name)));

  return {
    node,
    guard: messages.guard,
    draw({ V, H, given: fixed }) {
      fields.hidden_size.show(H);
      again("text");
      again("seed");
      fields.hidden_size.node.hidden = fields.seed.node.hidden = fixed;
      given.hidden = !fixed;
      setText(given, words("given", { V, H }));
    },
  };
}

/** Redraw whenever one of the traits changes; returns how to change traits from the view, and a clean-up. */
export function bindModel(model, names, schedule) {
  const events = names.map((name) => `change:${name}`).join(" ");
  model.on(events, schedule);
  return {
    change(traits) {
      for (const [name, value] of Object.entries(traits)) model.set(name, value);
      model.save_changes();
      schedule();
    },
    forget: () => model.off(events, schedule),
  };
}
