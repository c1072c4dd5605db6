/** The drawings of Cliff: the map and a close-up of it, the loss along the next update, and the states. */

import { BIASES, WEIGHTS } from "../model/cliff_facts.js";
import { number, slight } from "../model/format.js";
import { drawPixels, shade } from "../ui/colour.js";
import { make, svg } from "../ui/dom.js";
import { roundStep } from "../ui/line_plot.js";

export const CELLS = [84, 45]; // of a map, across and up: about one for three pixels
const HIGHEST = 2.89; // loss: the last state is -1
const PALE = 0.6; // of the grey ramp: lines can be told from the darkest grey
const WIDTH = 320;
const FRAME = { left: 34, right: 6, top: 6, bottom: 30 };
const ACROSS = WIDTH - FRAME.left - FRAME.right;
const NAMED = 50; // room for the names of lines at their right end
const INNER = 1.5; // by how much the ball of the clipped walk is smaller: where both lie, both are seen
const LINE = 14; // between two of them
const [MAP, PLOT] = [150, 100]; // heights
const FAR = 4000; // units from where a line is drawn no further
const NAMES = [["plain", "cliff_plain"], ["clipped", "cliff_clipped"]]; // the name of a class, the key of the words

const put = (value) => value.toFixed(1);
/** @param {number[]} range
 * @param {number} size */
const scale = ([low, high], size) => (value) => (size * (value - low)) / (high - low);
const digits = (step) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

/** Round numbers within a range, not more than `most`, as numbers and as text. */
function ticksOf([low, high], most) {
  const step = roundStep((high - low) / (most + 1) * 2.5);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => [(first + i) * step, number((first + i) * step, digits(step))]);
}

/** A panel with a title, and a drawing with axes in it. draw(across, up) sets the ranges. */
function buildFrame(className, title, height, [right, above], width = ACROSS) {
  const ticks = svg("g", { class: "rnn-cliff-ticks" });
  const inner = svg("svg", { x: FRAME.left, y: FRAME.top, width, height });
  const label = (text, x, y, anchor) => svg("text", { x: put(x), y: put(y), "text-anchor": anchor }, text);
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${FRAME.top + height + FRAME.bottom}`, role: "img" }, ticks, inner,
    svg("path", { class: "rnn-axes", d: `M${FRAME.left} ${FRAME.top}v${height}h${width}` }),
    label(right, FRAME.left + width, FRAME.top + height + 27, "end"), label(above, 0, FRAME.top + 10, "start"));
  const drawing = make("div", { className: "rnn-cliff-drawing" }, node);
  const panel = make("div", { className: `rnn-panel ${className}` }, make("div", { className: "rnn-title" }, title), drawing);
  let shown = "";
  return {
    panel, drawing, node, inner,
    draw(across, up) {
      const key = `${across} ${up}`;
      if (key === shown) return;
      shown = key;
      const [x, y] = [scale(across, width), scale(up, height)];
      ticks.replaceChildren(
        ...ticksOf(across, 6).map(([value, text]) => label(text, FRAME.left + x(value), FRAME.top + height + 13,
          x(value) > width - 6 ? "end" : "middle")),
        ...ticksOf(up, 5).filter(([value]) => !above || y(value) < height - 12)
          .map(([value, text]) => label(text, FRAME.left - 4, FRAME.top + height - y(value) + 4, "end")));
    },
  };
}

/** A line through places, not further than anyone sees. */
function lineOf(places) {
  const shortened = ([x, y], [toX, toY]) => {
    const share = FAR / Math.hypot(toX - x, toY - y);
    return share < 1 ? { place: [x + share * (toX - x), y + share * (toY - y)], cut: true } : { place: [toX, toY], cut: false };
  };
  const text = ([x, y]) => `${put(x)} ${put(y)}`;
  const visible = ([x, y]) => Math.hypot(x, y) < FAR;
  let [d, goesOn] = ["", false];
  places.forEach((to, i) => {
    if (!i) return;
    const from = places[i - 1];
    if (!visible(from) && !visible(to)) return void (goesOn = false);
    if (!goesOn) d += `M${text(visible(from) ? from : shortened(to, from).place)}`;
    const { place, cut } = visible(from) ? shortened(from, to) : { place: to, cut: false };
    d += `L${text(place)}`;
    goesOn = !cut;
  });
  return d;
}

/** A map of the loss with its wall and both walks; pressed(w, b) is told where the reader presses it. */
function buildMap({ className, title, pressed, ball: size }) {
  const frame = buildFrame(className, title, MAP, ["w", "b"]);
  const canvas = make("canvas", { className: "rnn-cliff-heat" });
  canvas.setAttribute("aria-hidden", "true");
  frame.drawing.prepend(canvas);
  Object.assign(canvas.style, placed({ left: 0, top: 0, width: ACROSS, height: MAP }));
  const path = (name) => svg("path", { class: name });
  const wall = path("rnn-cliff-wall");
  const walks = NAMES.map(([name], i) => ({
    halo: path("rnn-cliff-halo"), line: path(`rnn-cliff-line rnn-cliff-${name}`), dots: path(`rnn-cliff-dots rnn-cliff-${name}`),
    ball: svg("circle", { class: `rnn-cliff-ball rnn-cliff-${name}`, r: size - i * INNER }),
  }));
  const around = svg("rect", { class: "rnn-cliff-around" });
  const start = svg("circle", { class: "rnn-cliff-start", r: 7 });
  frame.inner.append(wall, around, ...walks.map((each) => each.halo), ...walks.flatMap(({ line, dots }) => [line, dots]).reverse(), start,
    ...walks.map((each) => each.ball));
  let box;

  /** Where on the map an event was. */
  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [box.w[0] + ((clientX - left) / width) * (box.w[1] - box.w[0]), box.b[1] - ((clientY - top) / height) * (box.b[1] - box.b[0])];
  };
  frame.drawing.addEventListener("click", (event) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    if (event.detail && x >= 0 && x <= 1 && y >= 0 && y <= 1) pressed(...at(event)); // a press, and no key
  });

  return {
    panel: frame.panel, drawing: frame.drawing, node: frame.node, at,
    draw({ losses, wall: edge, walks: both, dark, frame: shown, ...given }) {
      box = given.box;
      const [x, up] = [scale(box.w, ACROSS), scale(box.b, MAP)];
      const place = ({ w, b }) => [x(w), MAP - up(b)];
      frame.draw(box.w, box.b);
      drawPixels(canvas, CELLS[1], CELLS[0], (i, j) => shade((PALE * losses[i * CELLS[0] + j]) / HIGHEST, "grey", dark).bytes);
      wall.setAttribute("d", lineOf(edge.map(place)));
      both.forEach((points, i) => {
        const places = points.map(place);
        const { halo, line, dots, ball } = walks[i];
        const d = lineOf(places);
        halo.setAttribute("d", d);
        line.setAttribute("d", d);
        const near = places.filter(([right, down]) => right > -5 && right < ACROSS + 5 && down > -5 && down < MAP + 5);
        dots.setAttribute("d", near.map(([right, down]) => `M${put(right)} ${put(down)}h0`).join(""));
        const [right, down] = places[places.length - 1];
        ball.toggleAttribute("hidden", Math.hypot(right, down) > FAR);
        ball.setAttribute("cx", put(right));
        ball.setAttribute("cy", put(down));
      });
      const [right, down] = place(both[0][0]);
      start.setAttribute("cx", put(right));
      start.setAttribute("cy", put(down));
      around.toggleAttribute("hidden", !shown);
      if (!shown) return;
      const [corner, other] = [place({ w: shown.w[0], b: shown.b[1] }), place({ w: shown.w[1], b: shown.b[0] })];
      for (const [name, value] of Object.entries({ x: corner[0], y: corner[1], width: other[0] - corner[0], height: other[1] - corner[1] })) {
        around.setAttribute(name, put(value));
      }
    },
  };
}

/** The place of a box inside the axes of a map, as a style has it. */
function placed({ left, top, width, height }) {
  const whole = FRAME.top + MAP + FRAME.bottom;
  const share = (part, all) => `${((100 * part) / all).toFixed(3)}%`;
  return {
    left: share(FRAME.left + left, WIDTH), top: share(FRAME.top + top, whole), width: share(width, WIDTH), height: share(height, whole),
  };
}

/** The whole map with the start of the walks on it, which can be dragged and moved with keys; moved(w, b) is told. */
export function buildWhole({ words, moved }) {
  const map = buildMap({ className: "rnn-cliff-whole", title: words("cliff_map_title"), pressed: moved, ball: 3.5 });
  const handle = make("button", { type: "button", className: "rnn-cliff-handle", role: "slider" });
  handle.setAttribute("aria-label", words("cliff_handle"));
  handle.setAttribute("aria-valuemin", WEIGHTS[0]);
  handle.setAttribute("aria-valuemax", WEIGHTS[1]);
  map.drawing.append(handle);
  let start;
  let dragged = false;
  map.drawing.addEventListener("pointerdown", (event) => {
    const touches = event.pointerType === "touch" && event.target !== handle; // a finger on the map may scroll the page
    if (event.button || touches) return;
    dragged = true;
    map.drawing.setPointerCapture(event.pointerId);
  });
  map.drawing.addEventListener("pointermove", (event) => dragged && moved(...map.at(event)));
  for (const end of ["pointerup", "pointercancel"]) map.drawing.addEventListener(end, () => (dragged = false));
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    moved(start.w + by[0] * far * 0.01, start.b + by[1] * far * 0.005);
  });
  return {
    panel: map.panel,
    draw(state) {
      [[start]] = state.walks;
      map.draw(state.whole);
      Object.assign(handle.style, {
        left: placed({ left: scale(WEIGHTS, ACROSS)(start.w), top: 0, width: 0, height: 0 }).left,
        top: placed({ left: 0, top: MAP - scale(BIASES, MAP)(start.b), width: 0, height: 0 }).top,
      });
      handle.setAttribute("aria-valuenow", String(start.w));
      handle.setAttribute("aria-valuetext", words("cliff_place", { w: number(start.w), b: number(start.b) }));
      map.node.setAttribute("aria-label", words("cliff_map", { said: state.summary }));
    },
  };
}

/** The close-up of the map around the clipped walk; pressed(w, b) is told where the reader presses it. */
export function buildNear({ words, pressed }) {
  const map = buildMap({ className: "rnn-cliff-near", title: words("cliff_near_title"), pressed, ball: 5 });
  return {
    panel: map.panel,
    draw(state) {
      map.draw(state.near);
      const [low, high] = ["w", "b"].map((name) => state.near.box[name].map((value) => number(value)).join("–"));
      map.node.setAttribute("aria-label", words("cliff_near", { w: low, b: high }));
    },
  };
}

/** The loss along the next update of each walk, with the ball where the walk is. */
export function buildSlice({ words }) {
  const frame = buildFrame("rnn-cliff-slice", words("cliff_slice_title"), PLOT, [words("cliff_distance"), ""]);
  const parts = NAMES.map(([name], i) => ({
    line: svg("path", { class: `rnn-cliff-line rnn-cliff-${name}` }),
    ball: svg("circle", { class: `rnn-cliff-ball rnn-cliff-${name}`, r: 5 - i * INNER }),
    next: svg("circle", { class: `rnn-cliff-next rnn-cliff-${name}`, r: 4 }),
    off: svg("text", { class: `rnn-cliff-name rnn-cliff-name-${name}`, "text-anchor": "end", x: ACROSS - 4 }),
  }));
  frame.inner.append(...parts.map((each) => each.line).reverse(), ...parts.flatMap(({ next, off, ball }) => [next, off, ball]));
  return {
    panel: frame.panel,
    draw({ slices, reach, summary }) {
      const up = [-0.15, 3.05]; // so that a ball at 0 is seen whole
      const y = (loss) => PLOT - scale(up, PLOT)(loss);
      const x = scale([-reach, reach], ACROSS);
      frame.draw([-reach, reach], up);
      slices.forEach(({ losses, here, after, length }, i) => {
        const { line, ball, next, off } = parts[i];
        const at = (k) => (ACROSS * k) / (losses.length - 1);
        line.setAttribute("d", lineOf(Array.from(losses, (loss, k) => [at(k), y(loss)])));
        ball.setAttribute("cx", put(x(0)));
        ball.setAttribute("cy", put(y(here)));
        const inside = length <= reach;
        next.toggleAttribute("hidden", !inside);
        off.toggleAttribute("hidden", inside);
        off.textContent = inside ? "" : words("cliff_off", { move: number(length, 1) });
        off.setAttribute("y", put(Math.min(PLOT - 4, Math.max(11, y(here) - 4))));
        if (!inside) return;
        next.setAttribute("cx", put(x(length)));
        next.setAttribute("cy", put(y(after)));
      });
      frame.node.setAttribute("aria-label", words("cliff_slice", {
        reach: number(reach, 2), said: summary, plain: number(slices[0].after), clipped: number(slices[1].after),
      }));
    },
  };
}

/** The states over the steps at the last point of each walk. */
export function buildStates({ words, target }) {
  const width = ACROSS - NAMED;
  const frame = buildFrame("rnn-cliff-states", words("cliff_states_title"), PLOT, [words("cliff_time"), ""], width);
  const up = [-1.1, 1.1];
  const y = (h) => PLOT - scale(up, PLOT)(h);
  const lines = NAMES.map(([name]) => svg("path", { class: `rnn-cliff-line rnn-cliff-${name}` }));
  const names = NAMES.map(([name, key]) => svg("text", { class: `rnn-cliff-name rnn-cliff-name-${name}`, x: FRAME.left + width + 4 },
    words(key)));
  frame.inner.append(svg("path", { class: "rnn-cliff-target", d: `M0 ${put(y(target))}H${width}` }), ...[...lines].reverse(),
    svg("text", { x: width - 4, y: put(y(target) + 12), "text-anchor": "end" }, words("cliff_target", { target: number(target, 1) })));
  frame.node.append(...names);
  return {
    panel: frame.panel,
    draw({ states }) {
      const steps = states[0].length - 1;
      frame.draw([0, steps], up);
      const ends = states.map((h, i) => {
        lines[i].setAttribute("d", lineOf(Array.from(h, (value, t) => [(width * t) / steps, y(value)])));
        return y(h[steps]) + 4;
      });
      const apart = Math.max(0, LINE - Math.abs(ends[0] - ends[1])) / 2;
      const first = ends[0] <= ends[1] ? -apart : apart;
      names.forEach((name, i) => name.setAttribute("y", put(FRAME.top + ends[i] + (i ? -first : first))));
      frame.node.setAttribute("aria-label", words("cliff_states", {
        T: steps, plain: slight(states[0][steps]), clipped: slight(states[1][steps]), target: number(target, 1),
      }));
    },
  };
}
