/**
 * The view of GradientFlow: eigenvalues that can be dragged outward, and beside them the length of the last loss's gradient
 * on its way back through plain and leaky cells.
 */

import { initParams } from "../engine/params.js";
import { eigenvalues, singularValues } from "../engine/spectra.js";
import { FAR, flow, medians, shareText, startMatrix } from "../model/flow.js";
import { number } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { NETWORK, network, shownNetwork } from "../model/network.js";
import { linkedChoice, linkedNetwork, linkedNumber } from "../model/permalink.js";
import { batchUpdates, keep, make } from "../ui/dom.js";
import { bindModel, field, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { ALPHAS, DEFAULTS, GAINS, INPUTS, SEEDS, STARTS } from "./facts.js";
import { buildLines, buildPlane, buildSaid } from "./plots.js";

const FINE = { gain: 20, alpha: 100 }; // places of a slider for one unit

/** @param {any} value
 * @param {number[]} range */
const within = (value, [low, high]) => Math.min(high, Math.max(low, Number(value) || low));

const oneOf = (value, choices) => (choices.includes(value) ? value : choices[0]);

/** The networks that are drawn, before their gain, and what bounds the first of them. */
function started(net, start) {
  const { V, H, given, params } = net;
  const all = given ? [params] : Array.from({ length: SEEDS }, (_, i) => (i ? initParams(V, H, BigInt(net.seed) + BigInt(i)) : params));
  const starts = all.map((each) => ({ ...each, Whh: startMatrix(each, start) }));
  const values = eigenvalues(starts[0].Whh, H);
  const rho = values.re.reduce((most, re, i) => Math.max(most, Math.hypot(re, values.im[i])), 0);
  return { starts, values, rho, sigma: singularValues(starts[0].Whh, H)[0] };
}

/** The gradients of all networks for one cell. */
function flowsOf(starts, { x, y }, gain, alpha, inputs) {
  const all = starts.map((params) => flow({
    params: { ...params, Whh: params.Whh.map((w) => gain * w) }, x, last: y[y.length - 1], alpha, inputs: inputs === "on",
  }));
  const rows = all.map(({ shares }) => shares);
  return { rows, median: medians(rows), slopes: all[0].slopes };
}

function buildControls({ words, change }) {
  const gain = slider(words, "flow_gain", Math.round(GAINS[0] * FINE.gain), GAINS[1] * FINE.gain);
  const alpha = slider(words, "flow_alpha", Math.round(ALPHAS[0] * FINE.alpha), ALPHAS[1] * FINE.alpha);
  const start = field(words, "flow_start", make("select", {}, ...STARTS.map((value) => make("option", { value }, words(
    { uniform: "flow_uniform", orthogonal: "flow_orthogonal", identity: "flow_identity" }[value])))));
  const inputs = make("button", { type: "button", className: "rnn-button" }, words("flow_inputs"));
  gain.control.addEventListener("input", ({ target }) => change({ gain: Number(target.value) / FINE.gain }));
  alpha.control.addEventListener("input", ({ target }) => change({ alpha: Number(target.value) / FINE.alpha }));
  start.control.addEventListener("change", ({ target }) => change({ start: target.value }));
  inputs.addEventListener("click", () => change({ inputs: INPUTS[inputs.getAttribute("aria-pressed") === "true" ? 1 : 0] }));
  return {
    node: make("div", { className: "rnn-flow-controls" }, gain.node, start.node, inputs, alpha.node),
    draw(state) {
      gain.show(Math.round(state.gain * FINE.gain), number(state.gain, 2));
      alpha.show(Math.round(state.alpha * FINE.alpha), number(state.alpha, 2));
      start.control.value = state.start;
      inputs.setAttribute("aria-pressed", String(state.inputs === "on"));
    },
  };
}

/** What the figure says in words. */
function told(words, { T, gain, alpha, sigma, rho, flows: [plain, leaky] }) {
  const near = Math.min(FAR, T);
  const said = { rho: number(rho, 2), sigma: number(sigma, 2), n: plain.rows.length, gain: number(gain, 2) };
  const summary = words("flow_summary", {
    factor: number(plain.median[near] ** (1 / near), 2), near, share: shareText(plain.median[near]), T,
    end: shareText(plain.median[T]), alpha: number(alpha, 2), leaky: shareText(leaky.median[near]), leakyEnd: shareText(leaky.median[T]),
  });
  return { said, summary };
}

function share({ el, root, model, words, change, shown }) {
  const traits = ({ gain, start, inputs, alpha }) => ({ gain, start, inputs, alpha });
  return shareRow({
    el, root, model, words, change, figure: "GradientFlow",
    spec: {
      ...linkedNetwork(model, LIMITS), gain: linkedNumber(GAINS[0], GAINS[1], DEFAULTS.gain), start: linkedChoice(STARTS, DEFAULTS.start),
      inputs: linkedChoice(INPUTS, DEFAULTS.inputs), alpha: linkedNumber(ALPHAS[0], ALPHAS[1], DEFAULTS.alpha),
    },
    shown: () => shown() && { ...shownNetwork(shown()), ...traits(shown()) },
    said: () => words("flow_picture", shown()),
    place: () => `gain${shown().gain}`,
    python: () => ({
      plain: [
        `W = ${shown().gain} * start_matrix(params.Whh, "${shown().start}")`,
        `params = params._replace(Whh=W${shown().inputs === "on" ? "" : ", Wxh=0 * params.Wxh"})`,
        "ids = vocab.encode(text)",
        "plain, slopes = flow(params, ids[:-1], ids[-1])  # of the first network",
        `leaky, _ = flow(params, ids[:-1], ids[-1], alpha=${shown().alpha})`,
      ],
      imports: { "rnnlib.widgets.gradient_flow": ["flow", "start_matrix"] },
    }),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "gain", "start", "inputs", "alpha"], schedule);
  const fields = networkFields({ model, words, change });
  const controls = buildControls({ words, change });
  const plane = buildPlane({
    words, scaled: (gain) => change({ gain: Math.round(100 * within(gain, GAINS)) / 100 }), freed: schedule,
  });
  const lines = buildLines({ words });
  const said = buildSaid({ words });
  const root = make("div", { className: "rnn rnn-flow", role: "group" },
    controls.node, make("div", { className: "rnn-flow-drawings" }, plane.node, lines.node), ...said.nodes, fields.node);
  root.setAttribute("aria-label", words("flow_figure"));
  el.append(root);
  const [begun, plain, leaky] = [keep(), keep(), keep()];

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const [gain, alpha] = [within(model.get("gain"), GAINS), within(model.get("alpha"), ALPHAS)];
    const [start, inputs] = [oneOf(model.get("start"), STARTS), oneOf(model.get("inputs"), INPUTS)];
    const { starts, values, rho, sigma } = begun(() => started(net, start), net, start);
    const flows = [
      plain(() => flowsOf(starts, net, gain, 1, inputs), starts, gain, inputs),
      leaky(() => flowsOf(starts, net, gain, alpha, inputs), starts, gain, alpha, inputs),
    ];
    state = { ...net, net, gain, alpha, start, inputs, flows, values, rho: gain * rho, sigma: gain * sigma, dark: isDark(root) };
    Object.assign(state, told(words, state));
    for (const part of [fields, controls, plane, lines, said]) part.draw(state);
  }

  const unshare = share({ el, root, model, words, change, shown: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
