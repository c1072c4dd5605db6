/**
 * The view of LogitLoss: one logit of a prediction is moved, and the loss, the slope of the loss and the probabilities
 * follow.
 */

import { vocabulary } from "../engine/text.js";
import { number, percent, quoted, slight, visible } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { curve, leading, moved } from "../model/logit_loss.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { within } from "../model/values.js";
import { batchUpdates, keep, make, setText, svg } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { roundStep } from "../ui/line_plot.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { DEFAULTS, SHOWN, SPAN } from "./facts.js";

const EACH = 10; // places of the slider for one unit
const NUDGE = 0.1; // the change that the slope and the loss itself are compared on
const HALF = 40; // places of the curve on either side
const [WIDTH, HEIGHT] = [320, 200];
const FRAME = { left: 34, top: 8, right: 10, bottom: 34 };
const [ACROSS, UP] = [WIDTH - FRAME.left - FRAME.right, HEIGHT - FRAME.top - FRAME.bottom];

const put = (value) => value.toFixed(1);
const signed = (value, digits) => (value > 0 ? "+" : "") + number(value, digits);
const right = (shift) => (ACROSS * (shift + SPAN)) / (2 * SPAN);

/** The curve, its tangent, and a dot that is drawn along it; all of the plot takes the finger. */
function buildPlot({ words, change }) {
  const shape = (tag, name) => svg(tag, { class: `rnn-logit-${name}` });
  const [line, tangent, dot, slope] = [shape("path", "curve"), shape("path", "tangent"), shape("circle", "dot"), shape("text", "slope")];
  dot.setAttribute("r", "7");
  const ticks = svg("g");
  const inner = svg("svg", { x: FRAME.left, y: FRAME.top, width: ACROSS, height: UP }, line, tangent);
  const text = (words, place) => svg("text", { "text-anchor": "middle", ...place }, words);
  const node = svg("svg", { class: "rnn-logit-plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    svg("path", { class: "rnn-axes", d: `M${FRAME.left} ${FRAME.top}v${UP}h${ACROSS}` }), ticks, inner, dot, slope,
    ...[-SPAN, -SPAN / 2, 0, SPAN / 2, SPAN].map((shift) => (
      text(signed(shift, 0), { x: put(FRAME.left + right(shift)), y: HEIGHT - FRAME.bottom + 14 }))),
    text(words("logit_across"), { x: FRAME.left + ACROSS / 2, y: HEIGHT - 4 }),
    text(words("logit_up"), { x: 11, y: FRAME.top + UP / 2, transform: `rotate(-90 11 ${FRAME.top + UP / 2})` }));

  let held = false;
  const follow = ({ clientX }) => {
    const { left, width } = node.getBoundingClientRect();
    const shift = (2 * SPAN * (((clientX - left) * WIDTH) / width - FRAME.left)) / ACROSS - SPAN;
    change({ shift: within(Math.round(EACH * shift) / EACH, [-SPAN, SPAN]) });
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    held = true;
    follow(event);
  });
  node.addEventListener("pointermove", (event) => held && follow(event));
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (held = false));

  const kept = keep();
  return {
    node,
    draw({ losses, shift, now }) {
      const top = 1.08 * Math.max(...losses) || 1;
      const y = (loss) => UP * (1 - loss / top);
      const points = Array.from(losses, (loss, i) => `${put((ACROSS * i) / (2 * HALF))} ${put(y(loss))}`);
      line.setAttribute("d", `M${points.join("L")}`);
      const end = (at) => `${put(right(at))} ${put(y(now.loss + now.slope * (at - shift)))}`;
      tangent.setAttribute("d", `M${end(-SPAN)}L${end(SPAN)}`);
      dot.setAttribute("cx", put(FRAME.left + right(shift)));
      dot.setAttribute("cy", put(FRAME.top + y(now.loss)));
      const falls = now.slope < 0; // where the curve leaves room
      slope.setAttribute("x", String(falls ? WIDTH - FRAME.right : FRAME.left + 6));
      slope.setAttribute("y", String(FRAME.top + 12));
      slope.setAttribute("text-anchor", falls ? "end" : "start");
      slope.textContent = words("logit_slope", { slope: number(now.slope) });
      kept(() => ticks.replaceChildren(...marks(top, y)), top);
    },
  };
}

/** The numbers next to the axis of the loss, with a line to each. */
function marks(top, y) {
  const step = roundStep(top / 2);
  const values = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(3)));
  return values.flatMap((value) => [
    svg("text", { x: FRAME.left - 4, y: put(FRAME.top + y(value) + 4), "text-anchor": "end" }, String(value)),
    svg("path", { class: "rnn-gridline", d: `M${FRAME.left} ${put(FRAME.top + y(value))}h${ACROSS}` }),
  ]);
}

/** The most probable characters, and which of their logits is moved. */
function buildBars({ words, change }) {
  const list = make("div", { className: "rnn-logit-bars", role: "group" });
  list.setAttribute("aria-label", words("logit_bars"));
  const rows = Array.from({ length: SHOWN }, () => {
    const [sign, bar, share, told] = ["sign", "bar", "share", "told"].map((name) => make("span", { className: `rnn-logit-${name}` }));
    const node = make("button", { type: "button", className: "rnn-button" }, sign, make("span", {}, bar), share, told);
    node.addEventListener("click", () => change({ logit: Number(node.dataset.id), shift: 0 }));
    return { node, sign, bar, share, told };
  });
  list.append(...rows.map(({ node }) => node));
  return {
    node: list,
    draw({ ids, vocab, target, logit, now }) {
      rows.forEach(({ node, sign, bar, share, told }, i) => {
        const id = ids[i];
        node.hidden = id === undefined;
        if (node.hidden) return;
        node.dataset.id = id;
        node.setAttribute("aria-pressed", String(id === logit));
        setText(sign, visible(vocab[id]));
        bar.style.setProperty("--share", now.yhat[id].toFixed(4));
        setText(share, percent(now.yhat[id]));
        setText(told, id === target ? words("target") : "");
      });
    },
  };
}

/** The slope and the loss itself, compared in a sentence. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return {
    node,
    draw({ o, vocab, target, logit, shift, now }) {
      const { loss } = moved(o, target, logit, shift + NUDGE);
      const key = logit === target ? "logit_said_target" : "logit_said";
      setText(node, words(key, {
        sign: quoted(vocab[logit]), o: number(o[logit] + shift), loss: number(now.loss), p: number(now.yhat[logit]),
        slope: number(now.slope), about: slight(NUDGE * now.slope), fact: slight(loss - now.loss),
      }));
    },
  };
}

/** The id of the last character of the network that reads this text. */
function lastCharacter(model) {
  const known = [...model.get("_characters")];
  return ({ text }) => (known.length ? known : vocabulary(text)).length - 1;
}

function share({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "LogitLoss",
    spec: {
      ...linkedNetwork(model, LIMITS), t: linkedWhole(0, lastStep, DEFAULTS.t),
      logit: linkedWhole(0, lastCharacter(model), DEFAULTS.logit), shift: linkedNumber(-SPAN, SPAN, DEFAULTS.shift),
    },
    shown() {
      if (!shown()) return undefined;
      const { t, logit, shift } = shown();
      return { ...shownNetwork(shown()), t, logit, shift };
    },
    said() {
      const { text, t, vocab, logit, shift, now } = shown();
      return words("logit_picture", {
        text, t: t + 1, sign: vocab[logit], shift: number(shift), loss: number(now.loss), slope: number(now.slope),
      });
    },
    place: () => `t${shown().t + 1}`,
    python() {
      const { t, logit, shift } = shown();
      return {
        plain: [
          "ids = vocab.encode(text)", "x, y = ids[:-1], ids[1:]", `o = forward(params, x).o[${t}]`, `o[${logit}] += ${shift}`,
          `loss = cross_entropy(o, y[${t}])`, `do = softmax(o) - one_hot(y[${t}:${t + 1}], len(vocab))[0]`,
        ],
        imports: { rnnlib: ["Vocabulary", "cross_entropy", "forward", "one_hot", "softmax"] },
      };
    },
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "logit", "shift"], schedule);
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity, text }) => (text ? {
    t: Math.min(model.get("t"), T - 1), logit: Math.min(model.get("logit"), lastCharacter(model)({ text })),
  } : {}) });
  const [plot, bars, summary] = [buildPlot, buildBars, buildSummary].map((build) => build({ words, change }));
  const shifted = slider(words, "logit_shift", -SPAN * EACH, SPAN * EACH);
  shifted.control.addEventListener("input", ({ target }) => change({ shift: Number(target.value) / EACH }));
  const step = slider(words, "step", 1, 1);
  step.control.addEventListener("input", ({ target }) => { // the logit of what should be guessed there, as it is
    const t = Number(target.value) - 1;
    change({ t, logit: state.y[t], shift: 0 });
  });
  const root = make("div", { className: "rnn rnn-logit", role: "group" },
    make("div", { className: "rnn-logit-stage" }, make("div", {}, plot.node, shifted.node), bars.node),
    summary.node, step.node, fields.node);
  root.setAttribute("aria-label", words("logit_figure"));
  el.append(root);
  const [listed, drawn] = [keep(), keep()];

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const [t, logit] = [inside(model.get("t"), net.T), inside(model.get("logit"), net.V)];
    const shift = within(model.get("shift"), [-SPAN, SPAN]);
    const o = net.trace.o.subarray(t * net.V, (t + 1) * net.V);
    const target = net.y[t];
    const own = net.trace.yhat.subarray(t * net.V, (t + 1) * net.V);
    state = {
      ...net, net, t, logit, shift, o, target, now: moved(o, target, logit, shift),
      ids: listed(() => leading(own, SHOWN, [target, logit]), net, t, logit),
      losses: drawn(() => curve(o, target, logit, SPAN, HALF), net, t, logit),
    };
    shifted.show(Math.round(EACH * shift), signed(shift, 1));
    step.show(t + 1, words("of", { t: t + 1, T: net.T }), net.T);
    for (const part of [fields, plot, bars, summary]) part.draw(state);
  }

  const unshare = share({ el, root, model, words, change, shown: () => state });
  draw();
  return () => {
    unshare();
    forget();
  };
}

export default figure(render);
