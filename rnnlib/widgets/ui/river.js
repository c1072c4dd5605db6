/**
 * The river: the network unrolled over time, with the surprise of each step, and under it the band of gradients in which
 * every loss runs back through the steps that it reaches. Where there is room time runs to the right, on a phone it runs
 * down; the style sheet turns one drawing into the other.
 */

import { number, percent, quoted, slight, visible } from "../model/format.js";
import { inView, paths, SIZE } from "../model/river.js";
import { colour } from "./colour.js";
import { make, setText, svg } from "./dom.js";

const MOST = 40; // steps drawn side by side
const FULL = 1.6; // a bar of this many times ln V is as high as its row; the style sheet has the line at ln V
const HEADS = {
  y: "target", surprise: "river_surprise", guess: "guesses", state: "carries", x: "reads", band: "river_band",
};

const largest = (array, start, end) => {
  let best = start;
  for (let i = start; i < end; i++) if (array[i] > array[best]) best = i;
  return best - start;
};

/** The states of one step as a background: a stripe for each hidden unit. */
function stripes(h, start, H, dark) {
  const colours = Array.from({ length: H }, (_, j) => {
    const { fill } = colour(h[start + j], 1, dark);
    return `${fill} ${((100 * j) / H).toFixed(2)}% ${((100 * (j + 1)) / H).toFixed(2)}%`;
  });
  return `linear-gradient(var(--rnn-river-along), ${colours.join(",")})`;
}

function buildStep() {
  const part = (name, ...children) => make("span", { className: `rnn-river-${name}` }, ...children);
  const bar = make("span", { className: "rnn-river-bar" });
  const parts = { y: part("y"), surprise: part("surprise", bar), guess: part("guess"), state: part("state"), x: part("x") };
  const node = make("button", { type: "button", className: "rnn-river-step" }, ...Object.values(parts));
  return { node, bar, ...parts };
}

function buildBand() {
  const shapes = Object.fromEntries(["ribbons", "bars", "seams", "litRibbons", "litBars", "ticks"].map(
    (name) => [name, svg("path", { class: `rnn-river-${name.toLowerCase()}` })]));
  const node = svg("svg", { class: "rnn-river-band", viewBox: `0 0 ${SIZE} ${SIZE}`, preserveAspectRatio: "none",
    "aria-hidden": "true" }, svg("g", { class: "rnn-river-turn" }, ...Object.values(shapes)));
  return { node, shapes };
}

/** What a step says of itself: to a screen reader all of it, ribbons included. */
function said({ T, V, x, y, trace, losses, vocab, blame }, i, guess, words) {
  const step = words("column", {
    t: i + 1, x: quoted(vocab[x[i]]), guess: quoted(vocab[guess]), p: percent(trace.yhat[i * V + guess]),
    y: quoted(vocab[y[i]]), loss: number(losses[i], 2),
  });
  if (!blame) return step;
  const reached = Array.from({ length: Math.min(i + 1, 5) }, (_, lag) => slight(blame.matrix[i * T + i - lag]));
  return `${step}. ${words("river_ribbon", { da: slight(blame.norms[i]), lengths: reached.join(", ") })}`;
}

/**
 * @param {{words: any, label: string, go: (t: number) => void, place: () => [number, number]}} parts
 * go(t): the reader has chosen a step; place(): the current step and the number of steps
 */
export function buildRiver({ words, label, go, place }) {
  const band = buildBand();
  const front = make("span", { className: "rnn-river-front", hidden: true });
  const level = make("span", { className: "rnn-river-level" });
  const stage = make("div", { className: "rnn-river-stage", role: "group" }, band.node, level, front);
  stage.setAttribute("aria-label", label);
  const heads = make("div", { className: "rnn-river-heads", "aria-hidden": "true" },
    ...Object.entries(HEADS).map(([row, key]) => make("span", { className: `rnn-river-${row}` }, words(key))));
  const hidden = make("p", { className: "rnn-river-hidden rnn-note", hidden: true });
  const node = make("div", { className: "rnn-river" }, heads, stage, hidden);
  const river = { words, node, stage, band, front, level, hidden, steps: [], first: 0, hovered: null, state: null };

  const stepAt = (target) => {
    const step = target.closest?.(".rnn-river-step");
    return step ? Number(step.dataset.t) : null;
  };
  const light = (t) => {
    if (river.hovered === t || !river.state) return;
    river.hovered = t;
    drawBand(river);
  };
  stage.addEventListener("click", ({ target }) => stepAt(target) !== null && go(stepAt(target)));
  stage.addEventListener("pointerover", ({ target, buttons, pointerType }) => {
    const t = stepAt(target);
    if (pointerType === "mouse") light(t);
    if (t !== null && buttons === 1 && pointerType === "mouse") go(t); // a press that is drawn along the steps
  });
  stage.addEventListener("pointerleave", () => light(null));
  stage.addEventListener("focusin", ({ target }) => light(stepAt(target)));
  stage.addEventListener("focusout", () => light(null));
  stage.addEventListener("keydown", (event) => {
    const [t, T] = place();
    const to = { ArrowRight: t + 1, ArrowDown: t + 1, ArrowLeft: t - 1, ArrowUp: t - 1, Home: 0, End: T - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = Math.min(T - 1, Math.max(0, to));
    go(next);
    queueMicrotask(() => river.steps[next - river.first]?.node.focus({ preventScroll: true }));
  });
  return { node, draw: (state) => draw(river, state) };
}

/**
 * state: what `network` gives, the current step t, and
 *   blame: {matrix, norms, scale} or null  contributions (T, T), |da_t|, and the length that fills the band
 *   lit: the step whose loss is lit
 *   read: null, or how many steps have been read; front: null, or the step, whole or not, down to which the band is drawn
 */
function draw(river, state) {
  const { T, V, H, t, x, y, trace, losses, vocab, dark, read = null, front = null, blame } = state;
  const { first, count } = inView(T, t, MOST);
  Object.assign(river, { state, first });
  while (river.steps.length < count) {
    const step = buildStep();
    river.steps.push(step);
    river.stage.append(step.node);
  }
  while (river.steps.length > count) river.steps.pop().node.remove();
  river.stage.style.setProperty("--rnn-steps", count);
  const most = FULL * Math.log(V);
  river.steps.forEach((step, k) => {
    const i = first + k;
    const guess = largest(trace.yhat, i * V, (i + 1) * V);
    const { node } = step;
    setSign(step.y, vocab[y[i]]);
    setSign(step.guess, vocab[guess]);
    setSign(step.x, vocab[x[i]]);
    step.guess.classList.toggle("rnn-river-hit", guess === y[i]);
    setStyle(step.bar, "--rnn-part", String(most ? Math.min(1, losses[i] / most).toFixed(4) : 0));
    step.bar.classList.toggle("rnn-river-over", losses[i] > most);
    setStyle(step.state, "background-image", stripes(trace.h, i * H, H, dark));
    node.dataset.t = i;
    node.setAttribute("aria-label", said(state, i, guess, river.words));
    node.classList.toggle("rnn-river-ahead", read !== null && i >= read);
    node.tabIndex = i === t ? 0 : -1;
    if (i === t) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
  });
  const [before, after] = [first, T - first - count];
  river.hidden.hidden = !before && !after;
  setText(river.hidden, before || after ? river.words("river_hidden", { before, after }) : "");
  river.node.classList.toggle("rnn-river-dry", !blame);
  river.level.hidden = V === 1; // ln 1 is 0
  const at = front === null ? 0 : (front - first) / count;
  setStyle(river.stage, "--rnn-front", String(Math.min(1, Math.max(0, at)).toFixed(4)));
  river.front.hidden = front === null;
  drawBand(river);
}

function drawBand({ state, first, steps, band, hovered }) {
  const { T, blame, lit } = state;
  if (!blame) return;
  const drawn = paths({ ...blame, T, first, count: steps.length, lit: hovered ?? lit });
  for (const [name, shape] of Object.entries(band.shapes)) {
    if (shape.drawn === drawn[name]) continue;
    shape.drawn = drawn[name];
    shape.setAttribute("d", drawn[name]);
  }
}

function setSign(node, character) {
  const sign = visible(character);
  setText(node, sign);
  node.classList.toggle("rnn-code", sign.length > 4);
}

function setStyle(node, name, value) {
  const set = (node.styled ??= {});
  if (set[name] === value) return;
  set[name] = value;
  node.style.setProperty(name, value);
}
