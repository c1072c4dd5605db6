/**
 * The view of GradientFlow: eigenvalues that can be dragged outward, and beside them the length of one loss's gradient on its
 * way back through plain cells and through a second kind of cell.
 */

import { initParams } from "../engine/params.js";
import { eigenvalues, extremeSingularValues } from "../engine/spectra.js";
import { factorText, FAR, flow, GATED, gatedFlow, keptGenerators, medians, productFlow, shareText, startMatrix } from "../model/flow.js";
import { number } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedChoice, linkedNetwork, linkedNumber, linkedWhole } from "../model/permalink.js";
import { oneOf, within } from "../model/values.js";
import { batchUpdates, keep, make } from "../ui/dom.js";
import { bindModel, field, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { ALPHAS, CELLS, DEFAULTS, FORGET_BIASES, GAINS, INPUTS, PRODUCTS, SEEDS, STARTS } from "./facts.js";
import { buildLines, buildPlane, buildSaid } from "./plots.js";

const FINE = { gain: 20, alpha: 100, forget_bias: 10 }; // places of a slider for one unit
const TRAITS = ["gain", "start", "inputs", "product", "cell", "alpha", "forget_bias", "loss_t"];

/** The networks that are drawn, before their gain, and what bounds the first of them. */
function started(net, start, rngOf) {
  const { V, H, given, params } = net;
  const all = given ? [params] : Array.from({ length: SEEDS }, (_, i) => (i ? initParams(V, H, rngOf(BigInt(net.seed) + BigInt(i))) : params));
  const starts = all.map((each) => ({ ...each, Whh: startMatrix(each, start) }));
  const values = eigenvalues(starts[0].Whh, H);
  const rho = values.re.reduce((most, re, i) => Math.max(most, Math.hypot(re, values.im[i])), 0);
  return { starts, values, rho, sigma: extremeSingularValues(starts[0].Whh, H)[0] };
}

/** Networks of an LSTM or a GRU before their gain and the bias of their forget gates. */
function gatedStarts({ V, H, seed }, cell, start, rngOf) {
  return Array.from({ length: SEEDS }, (_, i) => {
    const params = GATED[cell].initParams(V, H, rngOf(BigInt(seed) + BigInt(i)));
    return { ...params, Whh: startMatrix(params, start) };
  });
}

/** The gradients of all networks of one cell: flowOf gives that of one. */
function flowsOf(starts, gain, flowOf) {
  const all = starts.map((params) => flowOf({ ...params, Whh: params.Whh.map((w) => gain * w) }));
  const rows = all.map(({ shares }) => shares);
  const gate = all.flatMap(({ slopes }) => [...slopes]).reduce((sum, each, _, { length }) => sum + each / length, 0);
  return { rows, median: medians(rows), slopes: all[0].slopes, slope: all[0].slope, gate };
}

/** The gradients of the networks whose cells have no gates; α = 1 are the plain ones. */
function openFlows(starts, { x, y }, span, gain, alpha, inputs) {
  return flowsOf(starts, gain, (params) => flow({
    params, x: x.slice(0, span), last: y[span - 1], alpha, inputs: inputs === "on",
  }));
}

/** The gradients of the networks of LSTMs or GRUs. */
function gatedFlows(starts, { x, y, H }, span, gain, bias, inputs) {
  return flowsOf(starts, gain, (params) => {
    const bh = params.cell === "lstm" ? params.bh.map((b, j) => (j >= H && j < 2 * H ? bias : b)) : params.bh;
    return gatedFlow({ params: { ...params, bh }, x: x.slice(0, span), y: y.slice(0, span), inputs: inputs === "on" });
  });
}

function buildControls({ words, change }) {
  const ranged = (key, name, /** @type {number[]} */ [low, high]) => {
    const item = slider(words, key, Math.round(low * FINE[name]), high * FINE[name]);
    item.control.addEventListener("input", ({ target }) => change({ [name]: Number(target.value) / FINE[name] }));
    return item;
  };
  const chosen = (key, name, choices) => {
    const options = Object.entries(choices).map(([value, option]) => make("option", { value }, words(option)));
    const item = field(words, key, make("select", {}, ...options));
    item.control.addEventListener("change", ({ target }) => change({ [name]: target.value }));
    return item;
  };
  const sliders = {
    gain: ranged("flow_gain", "gain", GAINS), alpha: ranged("flow_alpha", "alpha", ALPHAS),
    forget_bias: ranged("flow_forget_bias", "forget_bias", FORGET_BIASES),
  };
  const start = chosen("flow_start", "start", { uniform: "flow_uniform", orthogonal: "flow_orthogonal", identity: "flow_identity" });
  const cell = chosen("flow_cell", "cell", { leaky: "flow_leaky", lstm: "flow_lstm", gru: "flow_gru" });
  const switched = (key, name, /** @type {string[]} */ [on, off]) => {
    const button = make("button", { type: "button", className: "rnn-button" }, words(key));
    button.addEventListener("click", () => change({ [name]: button.getAttribute("aria-pressed") === "true" ? off : on }));
    return button;
  };
  const [inputs, product] = [switched("flow_inputs", "inputs", INPUTS), switched("flow_product", "product", PRODUCTS)];
  const loss = slider(words, "flow_loss", 1, LIMITS.steps);
  loss.control.addEventListener("input", ({ target }) => (
    change({ loss_t: target.value === target.max ? null : Number(target.value) - 1 }))); // at its end it stays with the last
  return {
    ofPlain: make("div", { className: "rnn-flow-controls" }, sliders.gain.node, start.node, inputs, product),
    ofLines: make("div", { className: "rnn-flow-controls rnn-flow-second-row" }, cell.node, sliders.alpha.node,
      sliders.forget_bias.node, loss.node),
    draw(state) {
      for (const [name, item] of Object.entries(sliders)) item.show(Math.round(state[name] * FINE[name]), number(state[name], 2));
      sliders.alpha.node.hidden = state.cell !== "leaky";
      sliders.forget_bias.node.hidden = state.cell !== "lstm";
      start.control.value = state.start;
      cell.control.value = state.cell;
      cell.node.hidden = state.given;
      inputs.setAttribute("aria-pressed", String(state.inputs === "on"));
      product.setAttribute("aria-pressed", String(state.product === "on"));
      loss.show(state.T, String(state.T), state.net.T);
    },
  };
}

/** What the singular values of the product say that the bound does not. */
function toldOfProduct(words, { sigma, rho, band }) {
  if (!band) return "";
  const { lags, largest } = band;
  if (lags.length < 2) return ""; // of one step, there is only the product of none
  const at = lags.findLastIndex((lag) => lag <= FAR);
  const peak = largest.indexOf(Math.max(...largest));
  const grows = rho < 1 && largest[peak] > 1.01;
  return ` ${words("flow_said_product", { near: lags[at], largest: factorText(largest[at]), bound: factorText(sigma ** lags[at]) })}${
    grows ? ` ${words("flow_said_grows", { rho: number(rho, 2), peak: factorText(largest[peak]), at: lags[peak] })}` : ""}`;
}

/** What the figure says in words. */
function told(words, { T, gain, alpha, cell, sigma, rho, flows, band }) {
  const near = Math.min(FAR, T);
  const [plain, second] = flows.map(({ median, gate }) => ({
    factor: number(median[near] ** (1 / near), 2), near, share: shareText(median[near]), T, end: shareText(median[T]),
    alpha: number(alpha, 2), gate: number(gate, 2),
  }));
  const [saying, gates, slopes, many] = {
    leaky: ["flow_said_leaky", null, "flow_slopes_leaky", "flow_of_leaky"],
    lstm: ["flow_said_lstm", "flow_gates_lstm", "flow_slopes_lstm", "flow_of_lstm"],
    gru: ["flow_said_gru", "flow_gates_gru", "flow_slopes_gru", "flow_of_gru"],
  }[cell];
  return {
    said: {
      rho: number(rho, 2), sigma: number(sigma, 2), n: flows[0].rows.length, gain: number(gain, 2),
      gates: gates ? words(gates) : "", blocks: gates ? words("flow_blocks") : "",
    },
    strips: words(slopes), second: words(many), summary: words("flow_summary", { ...plain, second: words(saying, second) }) + toldOfProduct(words, { sigma, rho, band }),
  };
}

function share({ el, root, model, words, change, shown }) {
  /** The traits that say what is seen; those of another cell do not. */
  const traits = ({ gain, start, inputs, product, cell, alpha, forget_bias, loss_t }) => ({
    gain, start, inputs, product, cell, ...(cell === "leaky" ? { alpha } : {}), ...(cell === "lstm" ? { forget_bias } : {}),
    ...(loss_t === null ? {} : { loss_t }),
  });
  return shareRow({
    el, root, model, words, change, figure: "GradientFlow",
    spec: {
      ...linkedNetwork(model, LIMITS), gain: linkedNumber(GAINS[0], GAINS[1], DEFAULTS.gain), start: linkedChoice(STARTS, DEFAULTS.start),
      inputs: linkedChoice(INPUTS, DEFAULTS.inputs), product: linkedChoice(PRODUCTS, DEFAULTS.product), cell: linkedChoice(model.get("_characters") ? ["leaky"] : CELLS, DEFAULTS.cell),
      alpha: linkedNumber(ALPHAS[0], ALPHAS[1], DEFAULTS.alpha),
      forget_bias: linkedNumber(FORGET_BIASES[0], FORGET_BIASES[1], DEFAULTS.forget_bias), loss_t: linkedWhole(0, lastStep),
    },
    shown: () => shown() && { ...shownNetwork(shown()), ...traits(shown()) },
    said: () => words("flow_picture", shown()),
    place: () => `gain${shown().gain}`,
    python: () => pythonOf(shown()),
  });
}

/** The lines of Python for the numbers of the first networks. */
function pythonOf({ gain, start, inputs, cell, alpha, forget_bias, H, seed, T }) {
  const changed = (params) => [
    `W = ${gain} * start_matrix(${params}.Whh, "${start}")`,
    `${params} = ${params}._replace(Whh=W${inputs === "on" ? "" : `, Wxh=0 * ${params}.Wxh`})`,
  ];
  const plain = [...changed("params"), "ids = vocab.encode(text)", `x, last = ids[:${T}], ids[${T}]`,
    "plain, slopes = flow(params, x, last)  # of the first network"];
  const imports = { "rnnlib.widgets.gradient_flow": ["flow", "start_matrix"] };
  if (cell === "leaky") return { plain: [...plain, `second, _ = flow(params, x, last, alpha=${alpha})`], imports };
  const bias = cell === "lstm" ? `, forget_bias=${forget_bias}` : "";
  return {
    plain: [...plain, `gated = ${cell}.init_params(len(vocab), ${H}, rng=np.random.default_rng(${seed})${bias})`, ...changed("gated"),
      "second, gates = flow(gated, x, last)"],
    imports: { ...imports, rnnlib: ["Vocabulary", cell] },
  };
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, ...TRAITS], schedule);
  const fields = networkFields({ model, words, change, settle: ({ T }) => (T ? { loss_t: null } : {}) });
  const controls = buildControls({ words, change });
  const plane = buildPlane({
    words, scaled: (gain) => change({ gain: Math.round(100 * within(gain, GAINS)) / 100 }), freed: schedule,
  });
  const lines = buildLines({ words });
  const said = buildSaid({ words });
  const root = make("div", { className: "rnn rnn-flow", role: "group" },
    controls.ofPlain, make("div", { className: "rnn-flow-drawings" }, plane.node, controls.ofLines, lines.node), ...said.nodes,
    fields.node);
  root.setAttribute("aria-label", words("flow_figure"));
  el.append(root);
  const rngOf = keptGenerators(2 * SEEDS);
  const [begun, gated, plain, second, multiplied] = [keep(), keep(), keep(), keep(), keep()];

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const [gain, alpha] = [within(model.get("gain"), GAINS), within(model.get("alpha"), ALPHAS)];
    const [start, inputs] = [oneOf(model.get("start"), STARTS), oneOf(model.get("inputs"), INPUTS)];
    const product = model.get("product") === "on" ? "on" : "off";
    const cell = net.given ? "leaky" : oneOf(model.get("cell"), CELLS);
    const bias = within(model.get("forget_bias"), FORGET_BIASES);
    const chosen = model.get("loss_t") ?? null; // null is the last one, of whatever text
    const T = chosen === null ? net.T : inside(chosen, net.T) + 1; // steps up to this loss
    const { starts, values, rho, sigma } = begun(() => started(net, start, rngOf), net, start);
    const flows = [plain(() => openFlows(starts, net, T, gain, 1, inputs), starts, T, gain, inputs)];
    if (cell === "leaky") {
      flows.push(second(() => openFlows(starts, net, T, gain, alpha, inputs), starts, T, gain, alpha, inputs));
    } else {
      const drawn = gated(() => gatedStarts(net, cell, start, rngOf), net, cell, start);
      flows.push(second(() => gatedFlows(drawn, net, T, gain, bias, inputs), drawn, T, gain, bias, inputs));
    }
    const { slope } = flows[0];
    const band = product === "on" ? multiplied(() => productFlow({ ...net, Whh: starts[0].Whh.map((w) => gain * w) }, slope), slope) : null;
    state = {
      ...net, net, T, gain, alpha, start, inputs, product, band, cell, forget_bias: bias, loss_t: chosen === null ? null : T - 1, flows, values, rho: gain * rho, sigma: gain * sigma,
      dark: isDark(root),
    };
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
