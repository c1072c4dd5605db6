/**
 * The view of ForwardStepper. Everything is computed from the model's traits on every change and painted at once;
 * the nodes are built once and reused.
 */

import { dotTerms } from "./engine.js";
import { LIMITS, Problem, checkText, checkWhole, network } from "./network.js";
import {
  make, math, formula, sub, setText, number, percent, visible, quoted, paint, stripe, drawCells, ramp, isDark,
  onThemeChange, wordsFor, coalesce,
} from "./parts.js";
import { Sight, cell, row, table, showRows, line, symbols } from "./tables.js";

const COLUMN = 44; // width of one step in the strip, px
const PLAY = 900; // time between two steps while playing, ms

function largest(array, start, end) {
  let best = start;
  for (let i = start; i < end; i++) if (array[i] > array[best]) best = i;
  return best - start;
}

function spread(array) {
  let limit = 1;
  for (const value of array) if (Math.abs(value) > limit) limit = Math.abs(value);
  return limit;
}

const space = () => math("mspace"); // between the name of a function and its argument; its width is in the style sheet
const before = () => math("mrow", "t", "−", math("mn", "1")); // t − 1

function buildControls(words) {
  const field = (name, control, ...rest) => {
    const message = make("span", { className: "rnn-message", role: "status" });
    const label = make("label", { className: `rnn-field rnn-field-${name}` },
      make("span", { className: "rnn-label" }, words(name)), control, ...rest);
    return { node: make("div", { className: `rnn-control rnn-control-${name}` }, label, message), control, message };
  };
  // Hidden from screen readers, which read the value from the slider itself.
  const shown = () => make("span", { className: "rnn-value", "aria-hidden": "true" });
  const size = shown();
  const step = shown();
  const range = (min, max) => make("input", { type: "range", min, max, step: 1 });
  const controls = {
    text: field("text", make("input", { type: "text", spellcheck: false, autocomplete: "off" })),
    hidden_size: field("hidden_size", range(1, LIMITS.hidden), size),
    seed: field("seed", make("input", { type: "number", min: 0, max: LIMITS.seed, step: 1, inputMode: "numeric" })),
    t: field("step", range(0, 1), step),
  };
  const button = (name, sign) => {
    const node = make("button", { type: "button", className: `rnn-button rnn-${name}`, title: words(name) }, sign);
    node.setAttribute("aria-label", words(name));
    return node;
  };
  return {
    ...controls, size, step, previous: button("previous", "◀"), next: button("next", "▶"),
    play: make("button", { type: "button", className: "rnn-button rnn-play" }, words("play")),
    given: make("span", { className: "rnn-given" }),
  };
}

function buildStrip(words) {
  const canvas = make("canvas", { className: "rnn-canvas" });
  canvas.setAttribute("aria-hidden", "true"); // its numbers are in the table of the units
  const inner = make("div", { className: "rnn-columns", role: "group" }, canvas);
  inner.setAttribute("aria-label", words("strip"));
  const heads = [
    [words("reads"), sub("x", "t")], [words("carries"), sub("h", "t")],
    [words("guesses"), sub(math("mover", "y", "^"), "t")], [words("target"), sub("y", "t")], [words("loss"), sub("L", "t")],
  ].map(([word, symbol]) => make("div", {}, make("span", {}, word), formula(symbol)));
  const track = make("div", { className: "rnn-track" }, inner);
  const node = make("div", { className: "rnn-strip" }, make("div", { className: "rnn-heads", "aria-hidden": "true" }, ...heads), track);
  const columns = new Sight({ view: track, space: inner, across: true, size: COLUMN, room: 600, build: () => {
    const parts = ["x", "guess", "y", "loss"].map((name) => make("span", { className: `rnn-col-${name}` }));
    const [x, guess, y, loss] = parts; // four lines of text, the states between the first and the second
    const gap = make("span", { className: "rnn-gap" });
    const node = make("button", { type: "button", className: "rnn-column" },
      x, make("br"), gap, make("br"), guess, make("br"), y, make("br"), loss);
    return { node, parts };
  } });
  return { node, inner, canvas, columns };
}

const value = () => cell("cell", "rnn-number");

const hat = () => sub(math("mover", "y", "^"), "t");

function buildUnits(words) {
  const parts = table("units", [
    [words("unit"), "rnn-col-unit"],
    [words("head_input"), "rnn-number", formula(sub("x", "t"), sub("W", "x", "h"))],
    [words("head_state"), "rnn-number", formula(sub("h", before()), sub("W", "h", "h"))],
    [words("head_bias"), "rnn-number", formula(sub("b", "h"))],
    [words("head_a"), "rnn-number", formula(sub("a", "t"))],
    [words("head_h"), "rnn-number", formula(sub("h", "t"))],
  ], () => {
    const pick = make("button", { type: "button", className: "rnn-pick" });
    const values = Array.from({ length: 5 }, value);
    return { node: row(cell("rowheader", "rnn-col-unit", pick), ...values), pick, values };
  });
  explain(parts,
    formula(sub("a", "t"), "=", sub("x", "t"), sub("W", "x", "h"), "+", sub("h", before()), sub("W", "h", "h"), "+", sub("b", "h")),
    formula(sub("h", "t"), "=", "tanh", space(), sub("a", "t")));
  return parts;
}

/** Put equations between the title of a panel and its table. */
function explain(panel, ...equations) {
  panel.node.insertBefore(make("div", { className: "rnn-formula rnn-equations" }, ...equations), panel.scroller);
}

function buildCharacters(words) {
  const parts = table("characters", [
    [words("character"), "rnn-col-char"],
    [words("head_x"), "rnn-flag", formula(sub("x", "t"))],
    [words("head_o"), "rnn-number", formula(sub("o", "t"))],
    [words("head_yhat"), "rnn-probability", formula(hat())],
    [words("head_y"), "rnn-flag", formula(sub("y", "t"))],
  ], () => {
    const head = cell("rowheader", "rnn-col-char rnn-char");
    const [x, y] = [cell("cell", "rnn-flag"), cell("cell", "rnn-flag")];
    const [o, yhat] = [value(), cell("cell", "rnn-probability")];
    return { node: row(head, x, o, yhat, y), head, x, o, yhat, y };
  });
  explain(parts,
    formula(sub("o", "t"), "=", sub("h", "t"), sub("W", "h", "y"), "+", sub("b", "y")),
    formula(hat(), "=", "softmax", "(", sub("o", "t"), ")"));
  parts.loss = line();
  parts.node.append(parts.loss);
  return parts;
}

function buildTerms(words) {
  const parts = table("terms", [
    [words("from"), "rnn-col-from"], [words("state_weight"), "rnn-product"], [words("term"), "rnn-number"],
    [words("push"), "rnn-push"],
  ], () => {
    const [from, product, term] = [cell("rowheader", "rnn-col-from"), cell("cell", "rnn-product"), value()];
    const push = cell("cell", "rnn-push");
    return { node: row(from, product, term, push), from, product, term, push };
  });
  parts.sum = line();
  parts.sum.classList.add("rnn-terms-sum");
  parts.state = line();
  parts.largest = make("p", { className: "rnn-largest" });
  for (const node of [parts.sum, parts.state]) parts.node.insertBefore(node, parts.scroller);
  parts.node.append(parts.largest);
  return parts;
}

function drawStrip(strip, state, words, dark) {
  const { V, H, T, t, x, y, trace, losses, vocab } = state;
  if (strip.drawn !== trace || strip.dark !== dark) {
    drawCells(strip.canvas, trace.h, H, { column: COLUMN, gap: 8, height: 72, limit: 1, dark });
    Object.assign(strip, { drawn: trace, dark });
  }
  strip.columns.show(T, t, ({ node, parts }, i, stop) => {
    const guess = largest(trace.yhat, i * V, (i + 1) * V);
    const loss = number(losses[i], 2);
    [x[i], guess, y[i]].forEach((id, k) => {
      const sign = visible(vocab[id]);
      setText(parts[k], sign);
      parts[k].classList.toggle("rnn-code", sign.length > 4); // a code point takes more room than a character
    });
    setText(parts[3], loss);
    parts[1].classList.toggle("rnn-right", guess === y[i]);
    node.classList.toggle("rnn-last", i === T - 1);
    node.dataset.t = i;
    node.setAttribute("aria-label", words("column", {
      t: i + 1, x: quoted(vocab[x[i]]), guess: quoted(vocab[guess]), p: percent(trace.yhat[i * V + guess]),
      y: quoted(vocab[y[i]]), loss,
    }));
    if (i === t) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
    node.tabIndex = stop ? 0 : -1;
  });
}

function drawUnits(units, state, words, dark) {
  const { H, t, unit, params, trace, x } = state;
  const limit = spread(trace.a);
  showRows(units, words("units", { t: t + 1 }), H, ({ node, pick, values }, j, stop) => {
    setText(pick, String(j + 1));
    pick.dataset.unit = j;
    pick.setAttribute("aria-label", words("show_unit", { j: j + 1 }));
    const input = params.Wxh[x[t] * H + j];
    const a = trace.a[t * H + j];
    // What came from the earlier state is summed here as it is in the engine, not found by subtraction.
    let earlier = 0;
    for (let k = 0; k < H; k++) earlier += (t ? trace.h[(t - 1) * H + k] : trace.h0[k]) * params.Whh[k * H + j];
    [input, earlier, params.bh[j], a].forEach((term, i) => paint(values[i], term, limit, dark));
    paint(values[4], trace.h[t * H + j], 1, dark);
    node.classList.toggle("rnn-selected", j === unit);
    pick.setAttribute("aria-pressed", String(j === unit));
    pick.tabIndex = stop ? 0 : -1;
  }, unit);
}

function drawCharacters(characters, state, words, dark) {
  const { V, t, x, y, trace, losses, vocab } = state;
  const limit = spread(trace.o);
  showRows(characters, words("characters", { t: t + 1 }), V, (item, i) => {
    const p = trace.yhat[t * V + i];
    setText(item.head, visible(vocab[i]));
    paint(item.o, trace.o[t * V + i], limit, dark);
    setText(item.yhat, number(p).padStart(12));
    item.yhat.style.backgroundImage = stripe("var(--rnn-bar)", 0, p);
    for (const [flag, id] of [[item.x, x[t]], [item.y, y[t]]]) {
      setText(flag, i === id ? " 1" : " 0");
      flag.classList.toggle("rnn-one", i === id);
    }
    item.node.classList.toggle("rnn-target", i === y[t]);
  });
  const target = trace.yhat[t * V + y[t]];
  symbols(characters.loss.symbols, "", () => [
    formula(sub("L", "t"), "=", "−", "ln", space(), hat(), "[", sub("y", "t"), "]"),
  ]);
  setText(characters.loss.numbers, ` = −ln ${number(target, 4)} = ${number(losses[t], 4)}`);
}

function drawTerms(terms, state, words, dark) {
  const { H, t, unit, params, trace, x, vocab } = state;
  const sum = dotTerms(params, trace, t, unit);
  // The input first, then the units of the earlier state, then the bias.
  const values = [sum.x, ...sum.h, sum.b];
  const sizes = values.map(Math.abs);
  const top = largest(sizes, 0, sizes.length);
  const from = (i) => {
    if (i === 0) return words("term_input", { x: quoted(vocab[x[t]]) });
    return i > H ? words("term_bias") : words(t ? "term_unit" : "term_start", { k: i, t });
  };
  const factors = (i) => {
    if (i === 0 || i > H) return ["1", number(values[i])];
    const state = t ? trace.h[(t - 1) * H + i - 1] : trace.h0[i - 1];
    return [number(state), number(params.Whh[(i - 1) * H + unit])];
  };
  showRows(terms, words("terms", { j: unit + 1, t: t + 1 }), values.length, (item, i) => {
    const share = sizes[top] ? values[i] / sizes[top] : 0;
    setText(item.from, from(i));
    const [state, weight] = factors(i);
    setText(item.product, `${state.padStart(6)} × ${weight.padStart(6)}`);
    paint(item.term, values[i], Math.max(sizes[top], 1e-300), dark);
    item.push.style.backgroundImage =
      stripe(`var(--rnn-${share < 0 ? "negative" : "positive"})`, Math.min(0.5, 0.5 + share / 2), Math.max(0.5, 0.5 + share / 2));
    item.node.classList.toggle("rnn-selected", i === top);
  });
  setText(terms.largest, words("largest", { name: from(top), value: number(values[top]) }));
  const earlier = sum.h.reduce((total, value) => total + value, 0);
  const signed = (value) => number(value).replace(/^(−?)/, (_, minus) => (minus ? "− " : "+ "));
  const j = () => math("mn", String(unit + 1));
  symbols(terms.sum.symbols, unit, () => [
    formula(sub("a", "t"), "[", j(), "]", "=", sub("W", "x", "h"), "[", sub("x", "t"), ",", j(), "]"),
    " ",
    formula("+", math("munder", "∑", "k"), sub("h", before()), "[", "k", "]", sub("W", "h", "h"), "[", "k", ",", j(), "]"),
    " ",
    formula("+", sub("b", "h"), "[", j(), "]"),
  ]);
  setText(terms.sum.numbers, ` = ${number(sum.x)} ${signed(earlier)} ${signed(sum.b)} = ${number(sum.sum)}`);
  symbols(terms.state.symbols, unit, () => [
    formula(sub("h", "t"), "[", j(), "]", "=", "tanh", space(), sub("a", "t"), "[", j(), "]"),
  ]);
  setText(terms.state.numbers, ` = tanh(${number(sum.sum)}) = ${number(Math.tanh(sum.sum))}`);
}

function render({ model, el }) {
  const words = wordsFor(el);
  const controls = buildControls(words);
  const strip = buildStrip(words);
  const units = buildUnits(words);
  const characters = buildCharacters(words);
  const terms = buildTerms(words);
  const summary = make("p", { className: "rnn-summary", role: "status" });
  const mean = make("p", { className: "rnn-mean" });
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("p", {}, `${words("legend")} −1 `, bar, ` +1; ${words("legend_rest")}`);
  const root = make("div", { className: "rnn rnn-forward", role: "group" },
    make("div", { className: "rnn-top" }, controls.text.node, controls.hidden_size.node, controls.seed.node, controls.given),
    strip.node,
    make("div", { className: "rnn-steps" }, controls.play, controls.previous, controls.next, controls.t.node),
    summary,
    make("div", { className: "rnn-panels" }, units.node, characters.node, terms.node),
    make("div", { className: "rnn-foot" }, mean, legend));
  root.setAttribute("aria-label", words("figure"));
  el.append(root);

  let state;
  let broken = false; // the traits themselves cannot be shown; what was typed and refused never becomes a trait

  const say = (control, key, values) => {
    for (const name of ["text", "hidden_size", "seed"]) {
      const problem = name === control;
      setText(controls[name].message, problem ? words(key, values) : "");
      controls[name].control.setAttribute("aria-invalid", String(problem && key !== "too_long"));
    }
  };

  /** Put the trait into its field, unless the reader is typing there. With a refused value goes its message. */
  const refresh = (name) => {
    const { control, message } = controls[name];
    const value = String(model.get(name));
    if (control.value === value || control.matches(":focus")) return;
    control.value = value;
    control.setAttribute("aria-invalid", "false");
    setText(message, "");
  };

  function draw() {
    const dark = isDark(root);
    let next;
    try {
      next = network(model, state);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(problem.control, problem.key, problem.values); // and the last good picture stays
      broken = true;
      return;
    }
    if (broken) say();
    broken = false;
    const moved = !state || state.t !== next.t || state.T !== next.T;
    const chosen = state && state.unit !== next.unit;
    state = next;
    const { V, H, T, t, x, y, trace, losses, vocab } = state;
    controls.hidden_size.control.value = H;
    refresh("text");
    refresh("seed");
    controls.t.control.max = T - 1;
    controls.t.control.value = t;
    controls.t.control.setAttribute("aria-valuetext", words("of", { t: t + 1, T }));
    setText(controls.size, String(H));
    setText(controls.step, words("of", { t: t + 1, T }));
    controls.hidden_size.node.hidden = controls.seed.node.hidden = state.given;
    controls.given.hidden = !state.given;
    setText(controls.given, words("given", { V, H }));
    // Not `disabled`: that would take the focus away from a reader who pressed the button once too often.
    controls.previous.setAttribute("aria-disabled", String(t === 0));
    controls.next.setAttribute("aria-disabled", String(t === T - 1));
    controls.play.setAttribute("aria-disabled", String(T === 1));

    bar.style.background = ramp(dark);
    drawStrip(strip, state, words, dark);
    drawUnits(units, state, words, dark);
    drawCharacters(characters, state, words, dark);
    drawTerms(terms, state, words, dark);

    const guess = largest(trace.yhat, t * V, (t + 1) * V);
    setText(summary, words(guess === y[t] ? "summary_right" : "summary", {
      t: t + 1, x: quoted(vocab[x[t]]), y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]),
      guess: quoted(vocab[guess]), q: percent(trace.yhat[t * V + guess]), loss: number(losses[t]),
    }));
    const total = losses.reduce((sum, loss) => sum + loss, 0);
    setText(mean, words("mean_loss", { loss: number(total / T), V, uniform: number(Math.log(V)) }));
    if (moved) strip.columns.reveal(t);
    if (chosen) units.rows.reveal(state.unit);
  }

  const schedule = coalesce(draw);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
    schedule();
  };
  const go = (t) => state && change({ t: Math.min(state.T - 1, Math.max(0, t)) });

  let timer = 0;
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    setText(controls.play, words("play"));
    controls.play.setAttribute("aria-pressed", "false");
  };
  const play = () => {
    if (timer || !state || state.T === 1) return pause(); // no state: the first traits could not be shown
    if (state.t === state.T - 1) go(0);
    timer = setInterval(() => (state.t < state.T - 1 ? go(state.t + 1) : pause()), PLAY);
    setText(controls.play, words("pause"));
    controls.play.setAttribute("aria-pressed", "true");
  };

  /** Try a value: a good one goes to the model, for another the message says what is wrong. */
  const attempt = (check) => {
    try {
      say();
      change(check());
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(problem.control, problem.key, problem.values);
    }
  };
  controls.text.control.addEventListener("input", ({ target }) => attempt(() => {
    const typed = target.value.replace(/\p{Cs}/gu, "\ufffd"); // half a surrogate pair is no character
    const characters = checkText(typed, [...model.get("_characters")]);
    const n = [...typed].length;
    if (n > characters.length) say("text", "too_long", { n, limit: characters.length });
    const last = characters.length - 2;
    return { text: characters.join(""), t: Math.min(model.get("t"), last) };
  }));
  controls.hidden_size.control.addEventListener("input", ({ target }) => attempt(() => {
    const H = Number(target.value);
    return { hidden_size: H, unit: Math.min(model.get("unit"), H - 1) };
  }));
  controls.seed.control.addEventListener("input", ({ target }) => attempt(() => {
    const value = target.value === "" ? NaN : Number(target.value);
    return { seed: checkWhole("seed", "bad_seed", value, 0, LIMITS.seed) };
  }));
  for (const name of ["text", "seed"]) controls[name].control.addEventListener("blur", () => refresh(name));
  controls.t.control.addEventListener("input", ({ target }) => go(Number(target.value)));
  controls.previous.addEventListener("click", () => state && go(state.t - 1));
  controls.next.addEventListener("click", () => state && go(state.t + 1));
  controls.play.addEventListener("click", play);

  const pick = (event) => {
    const { t, unit } = event.target.closest("button")?.dataset ?? {};
    if (t !== undefined) go(Number(t));
    else if (unit !== undefined) change({ unit: Number(unit) });
    else if (event.target.closest(".rnn-row")) change({ unit: units.rows.all.find((row) => row.node.contains(event.target)).index });
  };
  strip.inner.addEventListener("click", pick);
  units.body.addEventListener("click", pick);

  /** Arrow keys, Home and End move the choice, and the focus with it once it is drawn. */
  const keys = (sight, forwards, backwards, place, choose, button) => (event) => {
    const [current, size] = place();
    const to = { [forwards]: current + 1, [backwards]: current - 1, Home: 0, End: size - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = Math.min(size - 1, Math.max(0, to));
    choose(next);
    queueMicrotask(() => {
      sight.reveal(next);
      button(sight.at(next)).focus({ preventScroll: true });
    });
  };
  strip.inner.addEventListener("keydown", keys(
    strip.columns, "ArrowRight", "ArrowLeft", () => [state.t, state.T], go, ({ node }) => node));
  units.body.addEventListener("keydown", keys(
    units.rows, "ArrowDown", "ArrowUp", () => [state.unit, state.H], (unit) => change({ unit }), ({ pick: button }) => button));

  const names = ["text", "hidden_size", "seed", "t", "unit", "_weights", "_characters"];
  const events = names.map((name) => `change:${name}`).join(" ");
  model.on(events, schedule);
  const forget = onThemeChange(schedule);
  pause();
  draw();
  return () => {
    pause();
    forget();
    for (const sight of [strip.columns, units.rows, characters.rows, terms.rows]) sight.observer.disconnect();
    model.off(events, schedule);
  };
}

export default { render };
