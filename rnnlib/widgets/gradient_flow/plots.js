/** The two drawings of GradientFlow: the plane of the eigenvalues, and the lengths of the gradient on decades. */

import { shade } from "../ui/colour.js";
import { keep, make, setText, svg } from "../ui/dom.js";

const PLANE = 240; // the drawing is a square of so many units
const GRAB = 26; // px from a dot within which a press takes it
const [WIDTH, HEIGHT] = [400, 300];
const FRAME = { left: 38, right: 60, top: 8, bottom: 78 };
const [ACROSS, UP] = [WIDTH - FRAME.left - FRAME.right, HEIGHT - FRAME.top - FRAME.bottom];
const STRIP = 13; // height of a strip of slopes
const LINE = 14; // between two names
const LOWEST = -30; // decades
const CELLS = ["plain", "second"]; // as classes are named
const NAMES = { leaky: "flow_leaky", lstm: "flow_lstm", gru: "flow_gru" };

/** A panel with a title over a drawing. */
function panel(name, title, drawing) {
  return make("div", { className: `rnn-panel ${name}` }, make("div", { className: "rnn-title" }, title), drawing);
}

/** The complex plane. scaled(gain) is told when a dot is dragged. */
export function buildPlane({ words, scaled, freed }) {
  const dots = svg("g", { class: "rnn-flow-dots" });
  const [unit, sigma] = ["rnn-flow-unit", "rnn-flow-sigma"].map((name) => svg("circle", { class: name, cx: 0, cy: 0 }));
  const label = (name, text) => svg("text", { class: name, "text-anchor": "middle" }, text);
  const [one, bound] = [label("rnn-flow-label", "1"), label("rnn-flow-label", "σ")];
  const node = svg("svg", { class: "rnn-flow-plane", viewBox: `${-PLANE / 2} ${-PLANE / 2} ${PLANE} ${PLANE}`, role: "img" },
    svg("path", { class: "rnn-gridline", d: `M${-PLANE / 2} 0H${PLANE / 2}M0 ${-PLANE / 2}V${PLANE / 2}` }), unit, sigma, one, bound, dots);
  let drawn = { scale: 1, places: /** @type {number[][]} */ ([]) }; // what the last drawing showed
  let held = null; // the size, at a gain of 1, of the eigenvalue that is being dragged

  const at = ({ clientX, clientY }) => {
    const box = node.getBoundingClientRect();
    return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2, PLANE / box.width];
  };
  const drag = (event) => {
    const [x, y, unitsPerPx] = at(event);
    scaled((Math.hypot(x, y) * unitsPerPx) / drawn.scale / held);
  };
  node.addEventListener("pointerdown", (event) => {
    const [x, y, unitsPerPx] = at(event);
    let best = GRAB;
    for (const [u, v, size] of drawn.places) {
      const far = Math.hypot(u / unitsPerPx - x, v / unitsPerPx - y);
      if (far < best && size > 1e-6) [best, held] = [far, size];
    }
    if (held === null) return;
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => held !== null && drag(event));
  for (const end of ["pointerup", "pointercancel"]) {
    node.addEventListener(end, () => {
      if (held === null) return;
      held = null;
      freed();
    });
  }

  return {
    node: panel("rnn-flow-left", words("flow_plane_title"), node),
    draw({ values, gain, sigma: largest, rho, said }) {
      // While a dot is dragged the scale stays, or the dot would run away from the finger
      const scale = held === null ? PLANE / 2 / (1.25 * Math.max(1, largest)) : drawn.scale;
      const places = Array.from(values.re, (re, i) => {
        const im = values.im[i];
        return [re * gain * scale, -im * gain * scale, Math.hypot(re, im)];
      });
      drawn = { scale, places };
      while (dots.childElementCount > places.length) dots.lastElementChild.remove();
      while (dots.childElementCount < places.length) dots.append(svg("g", {}, svg("circle", { r: 12 }), svg("circle", { r: 3.5 })));
      places.forEach(([x, y], i) => dots.children[i].setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`));
      unit.setAttribute("r", scale.toFixed(1));
      sigma.setAttribute("r", (largest * scale).toFixed(1));
      one.setAttribute("y", (14 - scale).toFixed(1));
      bound.setAttribute("y", (largest * scale - 4).toFixed(1));
      node.setAttribute("aria-label", words("flow_plane", { ...said, rho: said.rho ?? rho }));
    },
  };
}

/** The decades from the lowest to the highest that are drawn. */
function decadesOf(rows) {
  let [low, high] = [-2, 1];
  for (const row of rows) {
    for (const value of row) {
      if (!(value > 0 && value < Infinity)) continue;
      low = Math.min(low, Math.log10(value));
      high = Math.max(high, Math.log10(value));
    }
  }
  return [Math.max(LOWEST, Math.floor(low)), Math.ceil(high)];
}

/** A line through lengths on decades; one that leaves the lowest decade ends there. */
function lineOf(row, x, y) {
  const points = [];
  const round = (value) => Math.round(10 * value) / 10; // prints in a third of the time of toFixed
  for (let k = 0; k < row.length && row[k] > 0; k++) points.push(`${round(x(k))} ${round(y(Math.log10(row[k])))}`);
  return points.length ? `M${points.join("L")}` : "";
}

/** The area between the largest and the smallest singular value of a product, down to `floor` where the smallest one is not
 * known; and its two edges. */
function bandOf({ lags, largest, smallest }, x, y, floor) {
  const points = (values) => lags.map((k, i) => [x(k), y(Math.log10(values[i]))]).filter(([, up]) => up < floor);
  const put = (all) => all.map(([across, up]) => `${across.toFixed(1)} ${up.toFixed(1)}`).join("L");
  const [over, under] = [points(largest), points(smallest)];
  const corners = under.length < over.length ? [[over.at(-1)[0], floor], [under.at(-1)[0], floor]] : [];
  return [`M${put([...over, ...corners, ...under.toReversed()])}Z`, `M${put(over)}M${put(under)}`];
}

/** Names at the right end of lines, moved apart where they would lie on each other. */
function placeNames(names) {
  names.sort((a, b) => a.y - b.y);
  names.forEach((name, i) => (name.y = Math.max(name.y, i ? names[i - 1].y + LINE : 0)));
  for (let i = names.length - 1, most = UP; i >= 0; i--, most -= LINE) names[i].y = Math.min(names[i].y, most);
  for (const { node, y } of names) node.setAttribute("y", (FRAME.top + y + 4).toFixed(1));
}

/** A cell for each slope, from the last step back. */
function drawStrip(strip, slopes, dark) {
  const T = slopes.length;
  const width = ACROSS / T;
  if (strip.childElementCount !== T) {
    strip.replaceChildren(...Array.from(slopes, (_, k) => svg("rect", {
      height: STRIP, x: (k * width).toFixed(2), width: (width + 0.2).toFixed(2), // no seam between two cells
    })));
  }
  Array.from(strip.children).forEach((cell, k) => cell.setAttribute("fill", shade(1 - slopes[T - 1 - k], "damping", dark).fill));
}

/** The lengths against the number of steps back, with the strips of the slopes below. */
export function buildLines({ words }) {
  const path = (name) => svg("path", { class: name });
  const cells = CELLS.map((name, i) => ({
    threads: path(`rnn-flow-thread rnn-flow-${name}`), median: path(`rnn-flow-median rnn-flow-${name}`), strip: svg("g", {}),
    name: svg("text", { class: `rnn-flow-name rnn-flow-name-${name}`, x: WIDTH - FRAME.right + 4 }),
    stripName: svg("text", { class: "rnn-flow-label", x: ACROSS + 4, y: 19 + i * (STRIP + 3) }), kept: keep(), drawn: keep(),
  }));
  const [bounds, band] = [["rnn-flow-bound", "rnn-flow-bound"].map(path), ["rnn-flow-band", "rnn-flow-edge"].map(path)];
  const [labels, edges] = [["flow_sigma", "flow_rho"], ["flow_max", "flow_min"]].map((keys) => keys.map((key) => svg("text", { class: "rnn-flow-label", x: WIDTH - FRAME.right + 4 }, words(key))));
  const ticks = svg("g", { class: "rnn-flow-ticks" });
  const inner = svg("svg", { x: FRAME.left, y: FRAME.top, width: ACROSS, height: UP }, ...band, ...bounds,
    ...cells.map((cell) => cell.threads), ...cells.map((cell) => cell.median));
  const stripsName = svg("text", { class: "rnn-flow-label", x: 0, y: 4 });
  const strips = svg("g", { transform: `translate(${FRAME.left} ${FRAME.top + UP + 34})` }, stripsName);
  cells.forEach(({ strip, stripName }, i) => {
    strip.setAttribute("transform", `translate(0 ${8 + i * (STRIP + 3)})`);
    strips.append(strip, stripName);
  });
  const node = svg("svg", { class: "rnn-flow-lines", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, ticks,
    svg("path", { class: "rnn-axes", d: `M${FRAME.left} ${FRAME.top}v${UP}h${ACROSS}` }), inner, strips,
    ...cells.map((cell) => cell.name), ...labels, ...edges);

  const scaled = keep();
  function drawTicks(T, low, high, x, y) {
    const text = (value, at, up, anchor) => svg("text", { x: at.toFixed(1), y: up.toFixed(1), "text-anchor": anchor }, value);
    const step = Math.max(1, Math.ceil((high - low) / 6));
    const each = T > 40 ? 20 : T > 8 ? 10 : 1;
    const rows = [];
    for (let k = Math.ceil(low / step) * step; k <= high; k += step) {
      const up = FRAME.top + y(k);
      const power = svg("tspan", { dy: -4, "font-size": "9" }, String(k).replace("-", "−"));
      const label = text("10", FRAME.left - 4, up + 4, "end");
      label.append(power);
      rows.push(svg("path", { class: k ? "rnn-gridline" : "rnn-flow-whole", d: `M${FRAME.left} ${up.toFixed(1)}h${ACROSS}` }), label);
    }
    for (let k = 0; k <= T; k += each) rows.push(text(String(k), FRAME.left + x(k), FRAME.top + UP + 14, "middle"));
    rows.push(text(words("flow_lag"), WIDTH, FRAME.top + UP + 28, "end"));
    ticks.replaceChildren(...rows);
  }

  return {
    node: panel("rnn-flow-right", words("flow_lines_title"), node),
    draw({ T, cell: kind, flows, band: between, sigma, rho, dark, summary, strips: ofStrips, second }) {
      const [low, high] = decadesOf([...flows.flatMap(({ rows }) => rows), ...(between ? [between.largest] : [])]);
      const x = (k) => (ACROSS * k) / T;
      const y = (decade) => (UP * (high - decade)) / (high - low);
      scaled(() => drawTicks(T, low, high, x, y), T, low, high);
      const names = [];
      const name = (text, value) => names.push({ node: text, y: Math.min(UP, Math.max(0, y(value > 0 ? Math.log10(value) : low))) });
      flows.forEach(({ rows, median, slopes }, i) => {
        cells[i].drawn(() => {
          cells[i].threads.setAttribute("d", rows.map((row) => lineOf(row, x, y)).join(""));
          cells[i].median.setAttribute("d", lineOf(median, x, y));
        }, rows, low, high);
        name(cells[i].name, median[T]);
        for (const node of [cells[i].name, cells[i].stripName]) setText(node, words(i ? NAMES[kind] : "flow_plain"));
        cells[i].kept(() => drawStrip(cells[i].strip, slopes, dark), slopes, dark);
      });
      [sigma, rho].forEach((factor, i) => {
        const end = T * Math.log10(factor);
        bounds[i].setAttribute("d", `M${x(0)} ${y(0).toFixed(1)}L${x(T)} ${y(Math.max(-400, end)).toFixed(1)}`);
        name(labels[i], 10 ** Math.max(-300, Math.min(300, end)));
      });
      const areas = between ? bandOf(between, x, y, 4 * UP) : ["", ""];
      band.forEach((node, i) => node.setAttribute("d", areas[i]));
      [between?.largest, between?.smallest].forEach((values, i) => {
        const end = values?.at(-1) ?? NaN;
        const inSight = end >= 10 ** low;
        edges[i].style.display = inSight ? "" : "none";
        if (inSight) name(edges[i], end);
      });
      setText(stripsName, ofStrips);
      placeNames(names);
      node.setAttribute("aria-label", words("flow_lines", { said: summary, second }));
    },
  };
}

/** What is seen, in sentences. */
export function buildSaid({ words }) {
  const summary = make("p", { className: "rnn-summary", role: "status" });
  const note = make("p", { className: "rnn-note" });
  return {
    nodes: [summary, note],
    draw({ summary: text, said }) {
      setText(summary, text);
      setText(note, words("flow_note", said));
    },
  };
}
