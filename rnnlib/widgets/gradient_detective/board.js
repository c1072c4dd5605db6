/** The evidence of GradientDetective: the training, the errors of the gradients as the heads of six columns, and below them
 * the lines of the code with the columns in which a fault in each would show. */

import { number, slight } from "../model/format.js";
import { drawPixels, ramp, shade } from "../ui/colour.js";
import { make, setText } from "../ui/dom.js";
import { buildCurves, drawCurves } from "../ui/line_plot.js";
import { LINES, NONE, TOLERANCE, TRAINING } from "./cases.js";
import { CHECKED_GRADIENTS, fitOf } from "./hints.js";

const LEAST = 1e-12; // smaller errors look alike

const FITS = { fits: "detective_fits", part: "detective_part", not: "detective_not" };

let views = 0; // radio buttons belong together by name, those of two views apart

/** The place of an error on the logarithmic scale from LEAST to 1, from 0 to 1. */
const place = (error) => 1 - Math.log10(Math.min(1, Math.max(LEAST, error))) / Math.log10(LEAST);

/** The names of gradients in a sentence. */
export const listed = (names, words) => (names.length ? names.map((name) => `d${name}`).join(", ") : words("detective_none"));

export function buildMaps(words) {
  const maps = CHECKED_GRADIENTS.map((name) => {
    const title = make("div", { className: "rnn-error-title" });
    const canvas = make("canvas", { className: "rnn-error-cells" });
    canvas.setAttribute("aria-hidden", "true"); // its largest error is in the text below it
    const mark = make("span", { className: "rnn-error-mark" });
    const worst = make("div", { className: "rnn-error-worst" });
    const node = make("div", { className: `rnn-error-map rnn-error-${name}` },
      title, make("div", { className: "rnn-error-frame" }, canvas, mark), worst);
    return { name, node, title, canvas, mark, worst };
  });
  const node = make("div", { className: "rnn-error-maps", role: "group" }, ...maps.map((map) => map.node));
  node.setAttribute("aria-label", words("detective_maps"));
  return { node, draw: (state) => drawMaps(maps, state, words) };
}

function drawMaps(maps, { V, H, B, checks, dark }, words) {
  const rowsOf = { Wxh: V, Whh: H, Why: H, bh: 1, by: 1, h0: B };
  for (const { name, node, title, canvas, mark, worst } of maps) {
    const { errors, worst: at, error } = checks[name];
    const rows = rowsOf[name];
    const columns = errors.length / rows;
    const [i, j] = [Math.floor(at / columns), at % columns];
    drawPixels(canvas, rows, columns, (row, column) => shade(place(errors[row * columns + column]), "grey", dark).bytes);
    const percents = { left: j / columns, top: i / rows, width: 1 / columns, height: 1 / rows };
    for (const [side, share] of Object.entries(percents)) mark.style[side] = `${(100 * share).toFixed(3)}%`;
    const wrong = error > TOLERANCE;
    node.classList.toggle("rnn-error-wrong", wrong);
    setText(title, words(wrong ? "detective_map_wrong" : "detective_map_right", { name: `d${name}` }));
    setText(worst, words("detective_map_worst", {
      error: Number.isFinite(error) ? slight(error) : "∞", at: rows > 1 || name.startsWith("W") ? `[${i},\u00a0${j}]` : `[${j}]`,
    }));
  }
}

/** What the colours of the errors and the dots of the lines mean. */
export function buildLegend(words) {
  const scale = make("span", { className: "rnn-ramp rnn-error-scale" });
  scale.style.setProperty("--rnn-tolerance", `${100 * place(TOLERANCE)}%`);
  const node = make("p", { className: "rnn-note" }, `${words("detective_scale")} 1e−12 `, scale,
    ` 1; ${words("detective_scale_ends", { tolerance: "1e−5" })} ${words("detective_dots")}`);
  return { node, draw: ({ dark }) => { scale.style.background = ramp(dark, "grey"); } };
}

/** The largest loss of the axes: losses above it are cut off. */
const curveTop = ({ first, healthy }) => 1.5 * Math.max(first, healthy.first) || 1; // one character alone has no loss

export function buildTraining(words) {
  const curves = buildCurves(["rnn-curve-wrong", "rnn-curve-right"], words("detective_updates"), words("detective_nats"));
  const line = (name) => {
    const text = make("span");
    return { text, node: make("p", { className: "rnn-curve-line" }, make("span", { className: `rnn-swatch ${name}` }), text) };
  };
  const [wrong, right] = [line("rnn-swatch-wrong"), line("rnn-swatch-right")];
  const node = make("section", { className: "rnn-panel" },
    make("div", { className: "rnn-title" }, words("detective_training")), curves.node, wrong.node, right.node);
  const draw = ({ first, end, losses, reached, healthy }) => {
    drawCurves(curves, [losses, healthy.losses], curveTop({ first, healthy }));
    const ends = { first: number(first), last: number(end), n: reached.length - 1 };
    setText(wrong.text, words(reached.length < losses.length ? "detective_curve_ends" : "detective_curve", ends));
    setText(right.text, words("detective_curve_right", { first: number(healthy.first), last: number(healthy.end) }));
  };
  return { node, draw };
}

/** What the figure does, in words: how the text is read, what the errors are, how it trains, and what it leaves out. */
export function buildAbout(words) {
  const [setting, curve] = [make("p"), make("p")];
  const node = make("div", { className: "rnn-about rnn-note" }, setting, make("p", {}, words("detective_errors")), curve,
    make("p", {}, words("detective_batches")));
  return {
    node,
    draw(state) {
      setText(setting, words(state.B > 1 ? "detective_setting_batch" : "detective_setting", { T: state.T }));
      setText(curve, words("detective_curve_note", { ...TRAINING, top: number(curveTop(state), 1) }));
    },
  };
}

/** The lines of the code, with the last choice that it is none of them. pick(key): the reader picked one. In a case that is
 * solved no more can be picked. */
export function buildLines(words, pick) {
  const name = `rnn-suspect-${(views += 1)}`;
  const note = make("p", { className: "rnn-note" });
  const rows = LINES.map(({ key, code, loop, reach }, i) => {
    const radio = make("input", { type: "radio", name, value: key });
    const shown = make("code");
    const fit = make("span", { className: "rnn-line-fit" });
    const dots = CHECKED_GRADIENTS.map((gradient) => make("span", { className: "rnn-dot" }, reach.includes(gradient) ? "●" : "·"));
    const cells = make("span", { className: "rnn-dots" }, ...dots);
    cells.setAttribute("aria-hidden", "true"); // said in words before them
    const node = make("label", { className: code[0].startsWith(" ") ? "rnn-line rnn-line-inside" : "rnn-line" },
      make("span", { className: "rnn-line-code" }, radio, make("span", { className: "rnn-line-number" }, `${i + 1}`),
        shown, fit,
        make("span", { className: "rnn-said" }, `; ${words("detective_shows", { names: listed(reach, words) })}`)),
      cells);
    return { key, code, reach, radio, node, shown, fit, dots, before: loop ? [make("code", { className: "rnn-line-loop" }, loop)] : [] };
  });
  const none = make("input", { type: "radio", name, value: NONE });
  const last = make("label", { className: "rnn-line" }, make("span", { className: "rnn-line-code" }, none, words("detective_none_line")));
  const node = make("fieldset", { className: "rnn-lines" },
    make("legend", { className: "rnn-title" }, words("detective_question")), note,
    ...rows.flatMap((row) => [...row.before, row.node]), last);
  node.addEventListener("change", ({ target }) => pick(target.value));
  node.addEventListener("click", (event) => none.getAttribute("aria-disabled") === "true" && event.preventDefault());
  moveWithKeys(node, [...rows.map(({ radio }) => radio), none]);
  const choices = [...rows, { key: NONE, radio: none, node: last }];
  return { node, draw: (state) => drawLines({ note, rows, choices }, state, words) };
}

/** Arrow keys move from line to line, and the space bar picks: reading on picks no line. */
function moveWithKeys(node, radios) {
  node.addEventListener("keydown", (event) => {
    const at = radios.indexOf(event.target);
    const end = radios.length - 1;
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: end }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    radios[Math.min(end, Math.max(0, to))].focus();
  });
}

function drawLines({ note, rows, choices }, { number: n, form, faults, hits, last, solved, wrong, comparing }, words) {
  setText(note, words(n ? "detective_code" : "detective_code_healthy"));
  for (const { key, radio, node } of choices) {
    radio.checked = key === last;
    radio.setAttribute("aria-disabled", String(solved));
    node.classList.toggle("rnn-line-fault", faults.includes(key) && (solved || hits.has(key)));
    node.classList.toggle("rnn-line-cleared", key === last && !faults.includes(key));
  }
  for (const { code, reach, node, shown, fit, dots } of rows) {
    setText(shown, code[form].trim());
    const how = wrong.length ? fitOf(reach, wrong) : ""; // where nothing is wrong, nothing tells lines apart
    for (const one of Object.keys(FITS)) node.classList.toggle(`rnn-line-${one}`, comparing && one === how);
    setText(fit, comparing && how ? words(FITS[how]) : "");
    dots.forEach((dot, i) => dot.classList.toggle("rnn-dot-lit", wrong.includes(CHECKED_GRADIENTS[i])));
  }
}
