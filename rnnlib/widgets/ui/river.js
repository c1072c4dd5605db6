/**
 * The river: the network unrolled over time, with the surprise of each step, and under it the band of gradients in which
 * every loss runs back through the steps that it reaches. Where there is room time runs to the right, on a phone it runs
 * down; the style sheet turns one drawing into the other.
 */

import { argmax } from "../engine/linalg.js";
import { number, percent, quoted, slight, visible } from "../model/format.js";
import { inView, paths, SIZE } from "../model/river.js";
import { colour, ramp } from "./colour.js";
import { keep, make, setText, svg } from "./dom.js";
import { roving } from "./keys.js";

const MOST = 40; // steps drawn side by side
const SLIP = 4; // px that a press may move and still be one
const FULL = 1.6; // a bar of this many times ln V is as high as its row; the style sheet has the line at ln V
const HEADS = {
  y: "target", surprise: "river_surprise", guess: "guesses", state: "carries", x: "reads", band: "river_band",
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
  const part = (name, ...children) => make("span", { className: `rnn-river-${name}`, "aria-hidden": "true" }, ...children);
  const bar = make("span", { className: "rnn-river-bar" });
  const parts = { y: part("y"), surprise: part("surprise", bar), guess: part("guess"), state: part("state"), x: part("x") };
  // a picture with a name: as the button's own name, a label would have to repeat what is seen word for word
  const picture = make("span", { className: "rnn-river-picture", role: "img" });
  const node = make("button", { type: "button", className: "rnn-river-step" }, picture, ...Object.values(parts));
  return { node, picture, bar, ...parts, kept: keep() };
}

function buildBand() {
  const shapes = Object.fromEntries(["ribbons", "bars", "seams", "litRibbons", "litBars", "ticks"].map(
    (name) => [name, svg("path", { class: `rnn-river-${name.toLowerCase()}` })]));
  const veil = svg("rect", { class: "rnn-river-veil", height: SIZE, width: 0 }); // over what a walk has not reached
  const node = svg("svg", { class: "rnn-river-band", viewBox: `0 0 ${SIZE} ${SIZE}`, preserveAspectRatio: "none",
    "aria-hidden": "true" }, svg("g", { class: "rnn-river-turn" }, ...Object.values(shapes)));
  shapes.seams.after(veil);
  return { node, shapes, veil, kept: keep() };
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

/** A handle that is drawn along the time, from one border between two steps to another; the border before step t is t.
 * at(): where it lies; to(border): where it is drawn to. A press that does not draw it is one on the step below it. */
function buildGrip(river, name, sign, at, to) {
  const node = make("span", { className: `rnn-river-grip rnn-river-${name}`, "aria-hidden": "true" }, sign);
  let from = null; // where the press began
  node.addEventListener("pointerdown", (event) => {
    if (event.button || !river.state) return;
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    from = { x: event.clientX, y: event.clientY, border: at(), still: true };
  });
  node.addEventListener("pointermove", (event) => {
    if (!from || (from.still && Math.hypot(event.clientX - from.x, event.clientY - from.y) < SLIP)) return;
    from.still = false;
    const { width, height } = river.stage.getBoundingClientRect();
    const down = getComputedStyle(river.node).getPropertyValue("--rnn-river-along").trim() === "to right";
    const moved = down ? (event.clientY - from.y) / height : (event.clientX - from.x) / width;
    const count = river.steps.length;
    to(Math.min(river.first + count, Math.max(river.first, Math.round(from.border + moved * count))));
  });
  node.addEventListener("pointerup", ({ clientX, clientY }) => {
    const beneath = () => /** @type {Document | ShadowRoot} */ (node.getRootNode()).elementsFromPoint(clientX, clientY).find((other) => other.closest(".rnn-river-step"));
    if (from?.still) /** @type {HTMLElement} */ (beneath())?.click();
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (from = null));
  return node;
}

/** Handles on the front of a walk and, where it has one, on a cut; ↑ and ↓ go through what happens within the steps. */
function buildWalk(river, walk) {
  river.stage.append(buildGrip(river, "hold", "", () => river.state.front, walk.front));
  if (walk.cut) river.stage.append(buildGrip(river, "scissors", "✂", () => river.state.cut, walk.cut));
  river.stage.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // or it would go to another step
    walk.turn(by);
    queueMicrotask(() => river.steps[river.state?.t - river.first]?.node.focus({ preventScroll: true }));
  });
}

/**
 * @param {{words: any, label: string, go: (t: number, part?: Element) => void, place: () => [number, number],
 *   walk?: {front: (border: number) => void, cut?: (border: number) => void, turn: (by: number) => void}}} parts
 * go(t, part): the reader has chosen a step, by a press on this part of it; place(): the current step and the number of
 * steps. With `walk` the whole band is drawn, faint before the front; its functions say where the reader has drawn the front
 * or the cut, and that ↑ or ↓ was pressed
 */
export function buildRiver({ words, label, go, place, walk }) {
  const band = buildBand();
  const front = make("span", { className: "rnn-river-front", hidden: true });
  const level = make("span", { className: "rnn-river-level" });
  const stage = make("div", { className: "rnn-river-stage", role: "group" }, band.node, level, front);
  stage.setAttribute("aria-label", label);
  const scale = make("span", { className: "rnn-ramp" });
  const heads = make("div", { className: "rnn-river-heads", "aria-hidden": "true" },
    ...Object.entries(HEADS).map(([row, key]) => make("span", { className: `rnn-river-${row}` }, words(key),
      ...(row === "state" ? [make("small", {}, "−1", scale, "+1")] : []))));
  const hidden = make("p", { className: "rnn-river-hidden rnn-note", hidden: true });
  const node = make("div", { className: walk ? "rnn-river rnn-river-walk" : "rnn-river" },
    heads, make("div", { className: "rnn-river-frame" }, stage), hidden);
  /** @type {any} */
  const river = {
    words, node, stage, band, front, level, hidden, scale, steps: [], first: 0, state: null,
    hovered: null, // the place, among the steps that are drawn, of the one that is pointed at: after a move it is another step's
    walks: Boolean(walk),
  };
  if (walk) buildWalk(river, walk);

  const stepAt = (target) => {
    const step = target.closest?.(".rnn-river-step");
    return step ? Number(step.dataset.t) : null;
  };
  const light = (t) => {
    const place = t === null ? null : t - river.first;
    if (river.hovered === place) return;
    river.hovered = place;
    if (river.state) drawBand(river);
  };
  stage.addEventListener("click", ({ target }) => {
    const t = stepAt(target);
    if (t !== null) go(t, target);
  });
  stage.addEventListener("pointerover", ({ target, buttons, pointerType }) => {
    const t = stepAt(target);
    if (pointerType === "mouse") light(t);
    const drawn = t !== null && buttons === 1 && pointerType === "mouse"; // a press that is drawn along the steps
    if (drawn && (!walk || target.closest(".rnn-river-surprise"))) go(t, target);
  });
  stage.addEventListener("pointerleave", () => light(null));
  stage.addEventListener("focusin", ({ target }) => light(stepAt(target)));
  stage.addEventListener("focusout", () => light(null));
  roving(stage, () => (river.state ? place() : []), go, (t) => river.steps[t - river.first]?.node);
  return { node, draw: (state) => draw(river, state) };
}

/**
 * state: what `network` gives, the current step t, and
 *   blame: {matrix, norms, scale} or null  contributions (T, T), |da_t|, and the length that fills the band
 *   lit: the step whose loss is lit
 *   read: null, or how many steps have been read; front: null, or the step, whole or not, down to which the band is drawn
 *   cut: with a walk, the border behind which nothing is left of the lit loss
 */
function draw(river, state) {
  const { T, V, t, trace, dark, read = null, front = null, cut = 0, blame } = state;
  const { first, count } = inView(T, t, MOST);
  river.state = null; // a step that is taken away may lose the focus: what is lit is drawn at the end
  while (river.steps.length < count) {
    const step = buildStep();
    river.steps.push(step);
    river.stage.append(step.node);
  }
  while (river.steps.length > count) river.steps.pop().node.remove();
  if (river.hovered >= count) river.hovered = null; // the text has become shorter under the pointer
  moveWindow(river, first - river.first);
  Object.assign(river, { state, first });
  river.stage.style.setProperty("--rnn-steps", count);
  river.stage.style.setProperty("--rnn-at", t - first);
  river.steps.forEach((step, k) => (
    step.kept(() => drawStep(step, first + k, state, river.words), first + k, trace, blame?.matrix, dark)));
  setStyle(river.scale, "background", ramp(dark));
  river.steps.forEach(({ node }, k) => {
    const i = first + k;
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
  const part = (border) => Math.min(1, Math.max(0, (border - first) / count)).toFixed(4);
  const at = part(front ?? first);
  setStyle(river.stage, "--rnn-front", at);
  river.front.hidden = front === null || read !== null; // on its way, and not waiting at the end
  if (river.walks) {
    setStyle(river.stage, "--rnn-cut", part(cut));
    river.band.veil.setAttribute("width", SIZE * Number(at));
  }
  drawBand(river);
}

/** Where the window has moved along the steps, let those that stay in it keep their elements. */
function moveWindow({ steps, stage }, by) {
  if (Math.abs(by) >= steps.length) return;
  for (let left = by; left > 0; left--) {
    const step = steps.shift();
    stage.append(step.node);
    steps.push(step);
  }
  for (let left = by; left < 0; left++) {
    const step = steps.pop();
    steps[0].node.before(step.node);
    steps.unshift(step);
  }
}

/** What a step shows, whichever is the current one. */
function drawStep(step, i, state, words) {
  const { V, H, x, y, trace, losses, vocab, dark } = state;
  const guess = argmax(trace.yhat, i * V, (i + 1) * V);
  const most = FULL * Math.log(V);
  setSign(step.y, vocab[y[i]]);
  setSign(step.guess, vocab[guess]);
  setSign(step.x, vocab[x[i]]);
  step.guess.classList.toggle("rnn-river-hit", guess === y[i]);
  setStyle(step.bar, "--rnn-part", String(most ? Math.min(1, losses[i] / most).toFixed(4) : 0));
  step.bar.classList.toggle("rnn-river-over", losses[i] > most);
  setStyle(step.state, "background-image", stripes(trace.h, i * H, H, dark));
  step.node.dataset.t = i;
  step.picture.setAttribute("aria-label", said(state, i, guess, words));
}

function drawBand({ state, first, steps, band, hovered }) {
  const { T, blame } = state;
  if (!blame) return;
  const lit = hovered === null ? state.lit : first + hovered;
  const drawn = band.kept(() => paths({ ...blame, T, first, count: steps.length, lit }),
    blame.matrix, blame.scale, first, steps.length, lit);
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
