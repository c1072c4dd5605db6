/**
 * The two plots of TrainingLab: losses over updates, and the length of the gradient at each step of a window. Both upward
 * axes are logarithmic.
 */

import { percent, visible } from "../model/format.js";
import { make, setText, svg } from "../ui/dom.js";

const LOWEST_LOSS = 1e-12; // and below it, where the logarithmic axis ends

const MARGIN = { left: 54, top: 8, right: 22, bottom: 34 }; // room for the ticks and their names

/** 1, 2, 5, 10, 20, … from the last that is at most `low` to the first that is at least `high`; at least one decade. */
function logTicks(low, high) {
  const steps = [];
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  for (let power = first; power <= last; power++) for (const factor of [1, 2, 5]) steps.push(Number(`${factor}e${power}`));
  let from = steps.findLastIndex((step) => step <= low);
  let to = steps.findIndex((step) => step >= high);
  if (to < 0) to = steps.length - 1;
  while (to - from < 3) { // add ticks below and above in turn
    if (from > 0) from -= 1;
    if (to - from < 3 && to < steps.length - 1) to += 1;
    if (from === 0 && to === steps.length - 1) break;
  }
  return steps.slice(from, to + 1);
}

/** A number at a tick: 0.05, 20, 1e−7. */
function tickName(value) {
  return value >= 1e-3 && value < 1e4 ? String(value) : value.toExponential(0).replace("+", "").replace("-", "−");
}

/** Round numbers from 0 to n, at most five of them. */
function roundTicks(n) {
  const power = 10 ** Math.floor(Math.log10(n / 4 || 1));
  const least = [1, 2, 5].map((factor) => factor * power).find((size) => n / size <= 4) ?? 10 * power;
  const step = Math.max(1, least);
  return Array.from({ length: Math.floor(n / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Axes that are as wide as the page lets them; `height` in px. */
function buildPlot(className, height, across, up, redraw) {
  const names = [svg("text", { "text-anchor": "middle" }), svg("text", { "text-anchor": "middle" })];
  names[0].textContent = across;
  names[1].textContent = up;
  const axes = svg("path", { class: "rnn-axes" });
  const ticks = svg("g");
  const inner = svg("svg", { x: MARGIN.left, y: MARGIN.top }); // cuts off what is outside of it
  const over = svg("g"); // labels, which may reach outside the frame
  const picture = svg("svg", { class: "rnn-plot-picture", height, "aria-hidden": "true" }, ticks, inner, axes, over, ...names);
  const node = make("div", { className: `rnn-plot ${className}` }, picture);
  const plot = { node, picture, inner, over, ticks, names, axes, full: height, height: height - MARGIN.top - MARGIN.bottom, width: 0 };
  plot.observer = new ResizeObserver(([{ contentRect }]) => {
    if (!contentRect.width || Math.abs(contentRect.width - plot.room) < 0.5) return;
    frame(plot, contentRect.width);
    redraw();
  });
  plot.observer.observe(node);
  frame(plot, 400);
  return plot;
}

function frame(plot, room) {
  const { picture, inner, axes, names, full, height } = plot;
  plot.room = room;
  plot.width = Math.max(60, room - MARGIN.left - MARGIN.right);
  picture.setAttribute("width", room);
  picture.setAttribute("viewBox", `0 0 ${room} ${full}`);
  inner.setAttribute("width", plot.width + 4); // the dot at the end is whole
  inner.setAttribute("height", height);
  axes.setAttribute("d", `M${MARGIN.left} ${MARGIN.top}v${height}h${plot.width}`);
  const middle = MARGIN.top + height / 2;
  for (const [key, value] of [["x", MARGIN.left + plot.width / 2], ["y", full - 4]]) names[0].setAttribute(key, value);
  for (const [key, value] of [["x", 11], ["y", middle], ["transform", `rotate(-90 11 ${middle})`]]) names[1].setAttribute(key, value);
  plot.tickKey = "";
}

/** The place of a share from 0 to 1, with room above it for the line. */
const shareAt = (plot) => (value) => plot.height * (1 - value / 1.05);

/** The place of a value between the ticks, in px from the top; values below the ticks are at the bottom. */
function upAt(plot, ticks) {
  const [low, high] = [Math.log(ticks[0]), Math.log(ticks.at(-1))];
  return (value) => plot.height * (1 - Math.min(1.05, Math.max(0, (Math.log(value) - low) / (high - low) || 0)));
}

/** Make the ticks again where they have changed. up: values, thinned to decades where they are many; across: [px, name]. */
function drawTicks(plot, up, y, across, nameOf = tickName) {
  const key = `${up} ${across} ${plot.room}`;
  if (plot.tickKey === key) return;
  plot.tickKey = key;
  const shown = up.length > 8 ? up.filter((value) => /^1(e|0*$)|^0\.0*1$/.test(String(value))) : up;
  const text = (value, x, at, anchor) => {
    const node = svg("text", { x, y: at, "text-anchor": anchor });
    node.textContent = value;
    return node;
  };
  plot.ticks.replaceChildren(
    ...across.map(([x, name]) => text(name, MARGIN.left + x, MARGIN.top + plot.height + 14, "middle")),
    ...shown.flatMap((value) => {
      const at = MARGIN.top + y(value);
      return [svg("path", { class: "rnn-gridline", d: `M${MARGIN.left} ${at}h${plot.width}` }), text(nameOf(value), MARGIN.left - 4, at + 4, "end")];
    }));
}

/** Let the pointer take hold of the curve: go(update) at each place along it. */
function grab(plot, go) {
  const { node } = plot;
  const to = ({ clientX }) => {
    const { left } = node.getBoundingClientRect();
    go(Math.round(((clientX - left - MARGIN.left) / plot.width) * plot.span));
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault(); // no text is selected
    node.setPointerCapture(event.pointerId);
    to(event);
  });
  node.addEventListener("pointermove", (event) => node.hasPointerCapture(event.pointerId) && to(event));
}

/** The curve of the run. go(update): show the run as it was then, at the latest as far as it has gone. */
export function buildLosses(words, redraw, go) {
  const plot = buildPlot("rnn-losses", 180, words("lab_axis_updates"), words("lab_axis_loss"), redraw);
  const uniform = svg("path", { class: "rnn-uniform" });
  const uniformName = svg("text", { class: "rnn-uniform-name", "text-anchor": "end" });
  const kept = svg("g");
  const band = svg("path", { class: "rnn-band" });
  const line = svg("path", { class: "rnn-run-line rnn-run-now" });
  const ahead = svg("path", { class: "rnn-run-line rnn-run-ahead" });
  const now = svg("circle", { class: "rnn-run-dot", r: 5 });
  plot.inner.append(uniform, kept, ahead, band, line, now);
  const letters = svg("g");
  plot.over.append(uniformName, letters);
  Object.assign(plot, { uniform, uniformName, kept, letters, band, ahead, line, now, span: 20 });
  grab(plot, go);
  return {
    node: plot.node,
    /** about: what the plot shows, a key of `ABOUT` */
    draw({ lab, ahead, kept: runs, about }) {
      const { curveOf, axis, guess } = ABOUT[about];
      setText(plot.names[1], words(axis));
      const others = runs.map((run) => ({ ...run, curve: curveOf(run) })).filter((run) => run.curve);
      drawLosses(plot, about, curveOf(lab), ahead && curveOf(ahead), others, guess(lab));
    },
    dispose: () => plot.observer.disconnect(),
  };
}

/** What the plot may be about: the curve of a run, the name of the axis, and what a uniform guess has: [value, name]. The guess
 * is one among the characters that are to be recalled. */
const ABOUT = {
  all: { curveOf: ({ curve }) => curve, axis: "lab_axis_loss", guess: ({ V }) => [Math.log(V), "ln V"] },
  loss: {
    curveOf: ({ recall }) => recall?.loss, axis: "lab_axis_loss",
    guess: ({ recall: { kinds } }) => [Math.log(kinds), `ln ${kinds}`],
  },
  share: {
    curveOf: ({ recall }) => recall?.share, axis: "lab_axis_hits",
    guess: ({ recall: { kinds } }) => [kinds > 1 ? 1 / kinds : 0, `1/${kinds}`],
  },
};

const put = (value) => value.toFixed(1);

/** The smoothed line of a curve as a path. */
function smoothPath(curve, x, y) {
  let path = "";
  for (let i = 0; i < curve.places; i++) {
    if (Number.isFinite(curve.smooth[i])) path += `${path ? "L" : "M"}${put(x(curve.end(i)))} ${put(y(curve.smooth[i]))}`;
  }
  return path;
}

const SHARES = [0, 0.25, 0.5, 0.75, 1];

const shareName = (value) => percent(value).replace(".0", "");

/** The ticks for all these curves of losses; their bands are shown, or their means alone. */
function lossTicks(all, bands, uniform) {
  let [low, high] = [uniform || Infinity, uniform || 0];
  for (const { low: lows, high: highs, smooth, places } of all) {
    for (let i = 0; i < places; i++) {
      if (!Number.isFinite(smooth[i])) continue;
      // A single window that is far easier than the text is not shown to its end: it would flatten all the rest.
      low = Math.min(low, bands ? Math.max(lows[i], smooth[i] / 10) : smooth[i]);
      high = Math.max(high, bands ? highs[i] : smooth[i]);
    }
  }
  low = Math.max(low, LOWEST_LOSS);
  return logTicks(Math.min(low, 1e6), Math.min(Math.max(high, low), 1e7));
}

/** Draw the curve of the run, what it had come to before the reader went back, and the runs that were kept: [{curve, letter,
 * style}], style from 1 to 6. */
function drawLosses(plot, about, curve, ahead, kept, [uniform, uniformName]) {
  const all = [curve, ...(ahead ? [ahead] : []), ...kept.map((run) => run.curve)].filter((each) => each.length);
  // Of longer runs that were kept only the beginning is seen while this one is short: it has a quarter of the width.
  const longest = Math.max(20, ...all.map((each) => each.length));
  const own = ahead?.length ?? curve.length;
  const n = own ? Math.min(longest, Math.max(20, 4 * own)) : longest;
  plot.span = n;
  const ticks = about === "share" ? SHARES : lossTicks(all, about === "all", uniform);
  const x = (update) => (plot.width * update) / n;
  const y = about === "share" ? shareAt(plot) : upAt(plot, ticks);
  drawTicks(plot, ticks, y, roundTicks(n).map((value) => [x(value), value]), about === "share" ? shareName : tickName);

  const { places, low: lows, high: highs, smooth } = curve;
  let [there, back] = ["", ""];
  for (let i = 0; i < (about === "all" ? places : 0); i++) {
    const at = put(x(curve.end(i)));
    there += `${i ? "L" : "M"}${at} ${put(y(highs[i]))}`;
    if (curve.size > 1) back = `L${at} ${put(y(lows[i]))}${back}`;
  }
  plot.band.setAttribute("d", there + back);
  plot.band.style.fill = curve.size > 1 ? "" : "none"; // every value has a place of its own: a line, and no band
  plot.line.setAttribute("d", smoothPath(curve, x, y));
  plot.ahead.setAttribute("d", ahead ? smoothPath(ahead, x, y) : "");
  plot.now.setAttribute("cx", put(x(curve.length)));
  const last = (about === "all" ? highs : smooth)[places - 1];
  plot.now.setAttribute("cy", put(y(Number.isFinite(last) ? last : 1)));
  plot.now.style.display = Number.isFinite(last) ? "" : "none";

  const level = y(uniform);
  plot.uniform.setAttribute("d", uniform ? `M0 ${put(level)}h${plot.width}` : "");
  setText(plot.uniformName, uniform ? uniformName : "");
  plot.uniformName.setAttribute("x", MARGIN.left + plot.width);
  plot.uniformName.setAttribute("y", MARGIN.top + (level < 14 ? level + 14 : level - 4)); // inside the plot

  const key = [plot.room, about, n, ticks, ...kept.map((run) => run.letter)].join(" ");
  if (plot.keptKey === key) return;
  plot.keptKey = key;
  plot.kept.replaceChildren(...kept.map((run) => svg("path", { class: `rnn-run-line rnn-run-${run.style}`, d: smoothPath(run.curve, x, y) })));
  plot.letters.replaceChildren(...kept.map((run) => {
    const { length, size, smooth, places } = run.curve;
    const end = Math.min(places, Math.ceil(n / size)) - 1; // where the curve ends, or leaves the plot
    const text = svg("text", {
      class: `rnn-run-letter rnn-run-${run.style}`, x: MARGIN.left + x(Math.min(length, n)) + 3, y: MARGIN.top + y(smooth[end]) + 4,
    });
    text.textContent = run.letter;
    return text;
  }));
}

export function buildNorms(words, redraw) {
  const plot = buildPlot("rnn-norms", 150, words("lab_axis_steps"), words("lab_axis_norm"), redraw);
  const bars = svg("path", { class: "rnn-norm-bars" });
  plot.inner.append(bars);
  plot.bars = bars;
  const note = make("p", { className: "rnn-note" });
  return {
    node: make("div", {}, plot.node, note),
    draw({ lab: { run, ids, vocab } }) {
      const norms = run.count ? run.stepNorms : [];
      const read = ids.subarray(run.lastStart, run.lastStart + norms.length);
      drawNorms(plot, norms, Array.from(read, (id) => visible(vocab[id])));
      const flat = run.count > 0 && norms.every((norm) => norm === 0);
      setText(note, words(flat ? "lab_norms_zero" : run.params.cell ? "lab_norms_gates" : "lab_norms_note"));
    },
    dispose: () => plot.observer.disconnect(),
  };
}

/** A bar for each step of the window, with the character that it read. */
function drawNorms(plot, norms, signs) {
  const sizes = Array.from(norms, (norm) => (norm > 0 && norm < Infinity ? norm : 0));
  const high = Math.max(...sizes, 0) || 1;
  const low = Math.min(high / 10, ...sizes.filter((size) => size > high * 1e-8));
  const ticks = logTicks(low, high);
  const y = upAt(plot, ticks);
  const column = plot.width / Math.max(1, sizes.length);
  const roomy = column >= 11;
  drawTicks(plot, ticks, y, sizes.flatMap((_, t) => {
    if (roomy) return [[(t + 0.5) * column, signs[t]]];
    return t === 0 || (t + 1) % 10 === 0 ? [[(t + 0.5) * column, t + 1]] : [];
  }));
  const path = sizes.map((size, t) => (size ? `M${put((t + 0.5) * column)} ${plot.height}V${put(Math.min(plot.height - 2, y(size)))}` : ""));
  plot.bars.setAttribute("d", path.join(""));
  plot.bars.setAttribute("stroke-width", put(Math.min(18, column * 0.7)));
}
