/**
 * The view of Rosetta: the equations of one network in our notation and in the one that is picked; the recurrent weights and
 * their gradient as that notation stores them; what everything is called in code.
 * DIALECTS, OURS, SYMBOL_KEYS, LIMITS and DEFAULTS come from rosetta/__init__.py.
 */

import { backward } from "../engine/bptt.js";
import { crossEntropy } from "../engine/loss.js";
import { number, slight } from "../model/format.js";
import { NETWORK, network, shownNetwork } from "../model/network.js";
import { linkedChoice, linkedNetwork } from "../model/permalink.js";
import { extent, paint } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields } from "../ui/fields.js";
import { figure, roving } from "../ui/keys.js";
import { formula } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { DIALECTS, SYMBOL_KEYS } from "./dialects.js";
import { asStored } from "./equations.js";
import { DEFAULTS, LIMITS, REDUCTIONS } from "./facts.js";
import { symbolMath } from "./notation.js";
import { buildRows, written } from "./rows.js";

const [HEAD_ROOM, ROW_ROOM, BAR_ROOM] = [33, 26, 15]; // px: the head of a matrix and its frame; one row; a scroll bar
const FITS = 4; // columns that need no scroll bar on a phone

const MOVE = 400; // ms that the numbers of a matrix take to their transposed places

const TIMED = ["x", "y", "a", "h", "h0", "o", "yhat"];

const VECTORS = { row: "rosetta_vectors_row", column: "rosetta_vectors_column" };

const STORED = ["rosetta_stored_none", "rosetta_stored_some", "rosetta_stored_some", "rosetta_stored_all"];

const HERE = {
  row: "rosetta_here_row", column: "rosetta_here_column", sum: "rosetta_here_sum", mean: "rosetta_here_mean",
};

const LOSSES = { sum: "rosetta_said_sum", mean: "rosetta_said_mean", "": "rosetta_said_no_loss" };

const WEIGHTS = ["Wxh", "Whh", "Why", "bh", "bh2", "by"];

function buildNames(words) {
  const caption = make("caption", { className: "rnn-title" });
  const heads = ["rosetta_head_ours", "rosetta_head_there", "rosetta_head_code", "rosetta_head_shape"]
    .map((key) => make("th", { scope: "col" }, words(key)));
  const body = make("tbody");
  const rows = SYMBOL_KEYS.map((key) => {
    const at = key === "h0" ? "0" : TIMED.includes(key) ? "t" : "";
    const symbol = key === "bh2" ? make("span", {}, "+") : formula(symbolMath({ name: key, at }));
    symbol.setAttribute("aria-hidden", "true"); // some screen readers find no name in a formula
    const button = make("button", { type: "button", className: "rnn-rosetta-name" },
      symbol, make("span", { className: "rnn-said" }, key));
    const head = make("th", { scope: "row" }, button);
    const [there, code, shape] = [make("td"), make("td"), make("td")];
    const [array, gradient] = [make("code"), make("code", { className: "rnn-rosetta-grad" })];
    code.append(array, gradient);
    const node = body.appendChild(make("tr", {}, head, there, code, shape));
    node.dataset.name = key;
    button.addEventListener("focus", () => stop(key));
    return { key, at, node, button, there, array, gradient, shape };
  });
  let stopped; // the name that the Tab key leads to
  const inSight = () => rows.filter(({ node }) => !node.hidden);
  const stop = (name) => {
    stopped = inSight().find(({ key }) => key === name) ?? rows[0];
    for (const row of rows) row.button.tabIndex = row === stopped ? 0 : -1;
  };
  roving(body, () => [inSight().indexOf(stopped), inSight().length], (i) => stop(inSight()[i].key), (i) => inSight()[i].button);

  const table = make("table", { className: "rnn-rosetta-table" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  let shown;
  const draw = ({ dialect }) => {
    if (dialect === shown) return;
    shown = dialect;
    setText(caption, words("rosetta_table", { title: dialect.title }));
    for (const { key, at, node, there, array, gradient, shape } of rows) {
      const symbol = dialect.symbols[key];
      node.hidden = key === "bh2" && !symbol;
      there.replaceChildren(symbol?.maths ? formula(symbolMath({ name: key, at }, dialect)) : "–");
      setText(array, symbol?.code || "–");
      setText(gradient, WEIGHTS.includes(key) && symbol?.grad ? symbol.grad : "");
      setText(shape, !symbol?.code ? "–" : symbol.shape.length ? written(symbol.shape) : words("rosetta_number"));
    }
    stop(stopped?.key);
  };
  const fold = make("details", { className: "rnn-more" }, make("summary", {}, words("rosetta_all_names")), table);
  return { node: fold, draw };
}

/** What the name under the pointer or with the focus is called; it is lit wherever it is. */
function buildPointed(words, root, current) {
  const node = make("p", { className: "rnn-rosetta-facts rnn-rosetta-pointed" }, words("rosetta_point"));
  let lit = "";
  const light = () => {
    for (const other of root.querySelectorAll("[data-name]")) other.classList.toggle("rnn-rosetta-lit", other.dataset.name === lit);
  };
  const point = (target) => {
    const name = target?.closest("[data-name]")?.dataset.name ?? "";
    if (name === lit || !current()) return;
    lit = name;
    light();
    if (!name) return;
    const { dialect: { title, symbols } } = current();
    const { code, grad, shape = [] } = symbols[name] ?? {};
    setText(node, words(code ? "rosetta_pointed" : "rosetta_pointed_none", {
      name, title, code: [code, grad].filter(Boolean).join(", "), shape: shape.length ? written(shape) : words("rosetta_number"),
    }));
  };
  root.addEventListener("pointerover", ({ target }) => point(target));
  root.addEventListener("pointerleave", () => point());
  root.addEventListener("focusin", ({ target }) => point(target));
  root.addEventListener("focusout", () => point());
  return { node, draw: () => lit && light() };
}

/** The order of the axes of a sequence, and the names of its sizes. */
function factsOf({ axes, sizes }, words) {
  const inner = written(axes.filter((axis) => axis !== "T list"));
  const others = ["T", "B", "V", "H"].filter((letter) => sizes[letter] && sizes[letter] !== letter)
    .map((letter) => `${letter} = ${sizes[letter]}`);
  return [
    words(axes.includes("T list") ? "rosetta_axes_list" : "rosetta_axes", { shape: inner }),
    ...(sizes.B ? [] : [words("rosetta_one")]),
    ...(others.length ? [words("rosetta_sizes", { sizes: others.join("; ") })] : []),
  ].join(" ");
}

/** What the notation does to the equations, in some sentences, when it has just been picked; and where the figure differs. */
function introduced({ dialect: { title, vectors, turned, index, symbols, reduction }, ...shown }, words) {
  const biases = "bh2" in symbols ? "rosetta_biases_two" : "bh" in symbols ? "rosetta_biases_one" : "rosetta_biases_none";
  return [
    words("rosetta_said_names", { title, vectors: words(VECTORS[vectors]) }),
    ...(shown.layout === vectors ? [] : [words(HERE[shown.layout])]),
    words(STORED[turned.length], { names: turned.join(", ") }),
    ...(index === "above" ? [words("rosetta_said_above")] : []),
    words(LOSSES[reduction]),
    ...(!reduction || shown.reduction === reduction ? [] : [words(HERE[shown.reduction])]),
    words(biases),
  ].join(" ");
}

const nonzero = ({ bh, by }) => [...bh, ...by].some(Boolean);

/** What changed since the last drawing, said once. */
function told(last, state, words) {
  const { dialect, layout, reduction, T, params, names } = state;
  const picked = !last || last.names !== names;
  const said = picked ? [introduced(state, words)] : [];
  if (!picked && last.layout !== layout) {
    const across = dialect.turned.includes("Whh") === (layout === "row");
    said.push(words(layout === "row" ? "rosetta_now_row" : "rosetta_now_column"));
    said.push(words(across ? "rosetta_now_across" : "rosetta_now_straight"));
  }
  if (!picked && last.reduction !== reduction) said.push(words(reduction === "mean" ? "rosetta_now_mean" : "rosetta_now_sum", { T }));
  if (!picked && last.net !== state.net) said.push(words("rosetta_now_network"));
  // As long as it is so: the numbers on the page have biases that the equations have not.
  const missing = !dialect.symbols.bh && nonzero(params);
  if (said.length && missing) said.push(words("rosetta_no_place", { title: dialect.title }));
  return said.join(" ") || null;
}

/** What is picked: a notation, and how its vectors and its loss are written. */
function buildControls(words, change) {
  const select = (options) => make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  const pick = select(Object.entries(DIALECTS).map(([name, { title }]) => [name, title]));
  const stand = select(Object.entries(VECTORS).map(([value, key]) => [value, words(key)]));
  const reduce = select(REDUCTIONS.map(([value, key]) => [value, words(key)]));
  pick.addEventListener("change", () => {
    const { vectors, reduction } = DIALECTS[pick.value];
    change({ names: pick.value, layout: vectors, ...(reduction ? { reduction } : {}) });
  });
  stand.addEventListener("change", () => change({ layout: stand.value }));
  reduce.addEventListener("change", () => change({ reduction: reduce.value }));
  return {
    node: make("div", { className: "rnn-rosetta-controls" },
      field(words, "rosetta_names", pick).node,
      field(words, "rosetta_layout", stand).node,
      field(words, "rosetta_reduction", reduce).node),
    draw({ names, layout, reduction }) {
      pick.value = names;
      stand.value = layout;
      reduce.value = reduction;
    },
  };
}

/** What has changed since the last picture, in a sentence. */
function buildSummary(words) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return {
    node,
    draw(state, last) {
      const said = told(last, state, words);
      if (said) setText(node, said);
    },
  };
}

const placesOf = (grid) => [...grid.querySelectorAll("[role=cell]")].map((node) => [node, node.getBoundingClientRect()]);

/** Let each number of a square matrix move from where it was, also on its way, to its transposed place. */
function carry(grid, before, n) {
  for (const [node] of before) for (const move of node.getAnimations()) move.cancel();
  const now = placesOf(grid);
  if (now.length !== n * n || before.length !== n * n) return; // not all of them are in sight
  now.forEach(([node, { left, top }], at) => {
    const [, from] = before[(at % n) * n + Math.floor(at / n)];
    node.animate([{ transform: `translate(${from.left - left}px, ${from.top - top}px)` }, { transform: "none" }],
      { duration: MOVE, easing: "ease-in-out" });
  });
}

/** The recurrent weights and their gradient, as the notation stores them. */
function buildMatrices(words) {
  const [weights, gradient] = ["rosetta-weights", "rosetta-slopes"].map((name) => buildMatrix(name, words("unit")));
  return {
    node: make("div", { className: "rnn-panels rnn-rosetta-numbers" }, weights.node, gradient.node),
    draw({ H, params, grads, dialect, dark, net }, last) {
      const across = last && last.net === net && last.dialect.turned.includes("Whh") !== dialect.turned.includes("Whh")
        && !matchMedia("(prefers-reduced-motion: reduce)").matches;
      const turned = dialect.turned.includes("Whh");
      const { code, grad, shape } = dialect.symbols.Whh;
      const numbered = (key) => (i) => words(key, { i: i + 1 });
      const [from, to] = [numbered("rosetta_from"), numbered("rosetta_to")];
      const heads = { rows: H, columns: H, dark, rowName: turned ? to : from, columnName: turned ? from : to };
      const size = written(shape.map((letter) => (letter === "H" ? H : letter)));
      for (const [matrix, values, title] of [
        [weights, params.Whh, words("rosetta_weights", { code, size })],
        [gradient, grads.Whh, grad ? words("rosetta_gradient", { grad, size }) : words("rosetta_gradient_of", { code, size })],
      ]) {
        matrix.scroller.style.height = `${HEAD_ROOM + ROW_ROOM * H + (H > FITS ? BAR_ROOM : 0)}px`; // as much as it takes
        const places = across && placesOf(matrix.grid);
        showMatrix(matrix, { ...heads, title, values: asStored(values, H, turned), limit: extent(values) });
        if (places) carry(matrix.grid, places, H);
      }
    },
    dispose() {
      for (const { observer } of [weights, gradient]) observer.disconnect();
    },
  };
}

/** What no storage moves: the loss, and the gradient with respect to the pre-activation of the first step. */
function buildStill(words) {
  const [said, name] = [make("p", { className: "rnn-rosetta-loss" }), make("span")];
  const gradient = make("p", { className: "rnn-rosetta-da" }, name);
  const cells = [];
  let shown; // the dialect of the name
  return {
    node: make("div", { className: "rnn-rosetta-still" }, said, gradient),
    draw({ T, V, H, y, trace, grads, reduction, dialect, dark }) {
      const loss = number(crossEntropy(trace.o, y, V, reduction), 4);
      setText(said, words(reduction === "mean" ? "rosetta_loss_mean" : "rosetta_loss_sum", { loss, T }));
      const values = grads.da.slice(0, H);
      if (dialect !== shown) name.replaceChildren(formula(symbolMath({ name: "a", at: "1", gradient: true }, dialect), "="));
      shown = dialect;
      while (cells.length < H) cells.push(gradient.appendChild(make("span", { className: "rnn-number" })));
      while (cells.length > H) cells.pop().remove();
      cells.forEach((cell, i) => paint(cell, values[i], extent(values), dark, slight));
    },
  };
}

/** The lines of Python that make the arrays as the notation stores them. */
function pythonOf({ names, dialect, reduction, params }) {
  return {
    plain: [
      "x, y = vocab.encode(text[:-1]), vocab.encode(text[1:])",
      `grads = backward(params, forward(params, x), y, reduction="${reduction}")`,
      // A dialect without biases has no place for given ones.
      ...(dialect.symbols.bh || !nonzero(params) ? [`weights = stored("${names}", params)`] : []),
      `gradients = stored("${names}", grads, gradients=True)`,
    ],
    imports: { rnnlib: ["Vocabulary", "backward", "forward"], "rnnlib.formulations.dialects": ["stored"] },
  };
}

/** The row that shares the figure; current() is the state that is shown. */
function shareRosetta({ el, root, model, words, change, current }) {
  return shareRow({
    el, root, model, words, change, figure: "Rosetta",
    spec: {
      ...linkedNetwork(model, LIMITS), names: linkedChoice(Object.keys(DIALECTS), DEFAULTS.names),
      layout: linkedChoice(Object.keys(VECTORS)), reduction: linkedChoice(REDUCTIONS.map(([value]) => value)),
    },
    shown() {
      if (!current()) return undefined;
      const { names, layout, reduction } = current();
      return { ...shownNetwork(current()), names, layout, reduction };
    },
    said: () => words("rosetta_picture", { ...current(), title: current().dialect.title }),
    place: () => current().names,
    python: () => pythonOf(current()),
  });
}

/** What the traits say: the notation and how it is written; `gradients` keeps the last gradient. */
function stateOf(model, net, gradients) {
  const chosen = model.get("names");
  const names = Object.hasOwn(DIALECTS, chosen) ? chosen : DEFAULTS.names;
  const layout = model.get("layout") === "column" ? "column" : "row";
  const asked = model.get("reduction");
  const reduction = REDUCTIONS.some(([value]) => value === asked) ? asked : DEFAULTS.reduction;
  const grads = gradients(() => backward(net.params, net.trace, net.y, reduction), net, reduction);
  return { ...net, net, names, dialect: DIALECTS[names], layout, reduction, grads };
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "names", "layout", "reduction"], schedule);
  const gradients = keep();

  const fields = networkFields({ model, words, change, limits: LIMITS });
  const facts = make("p", { className: "rnn-rosetta-facts" });
  const legend = make("p", { className: "rnn-rosetta-facts" }, words("rosetta_legend"));
  const root = make("div", { className: "rnn rnn-rosetta", role: "group" });
  const [matrices, names] = [buildMatrices(words), buildNames(words)];
  const parts = [
    buildControls(words, change), buildRows(words), buildSummary(words), matrices, buildStill(words), fields, names,
    buildPointed(words, root, () => state),
  ];
  names.node.append(facts, legend);
  const nodes = parts.map(({ node }) => node);
  root.append(...nodes.slice(0, 3), nodes.at(-1), ...nodes.slice(3, -1));
  root.setAttribute("aria-label", words("rosetta_figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const last = state;
    state = { ...stateOf(model, net, gradients), dark: isDark(root) };
    for (const part of parts) part.draw(state, last);
    setText(facts, factsOf(state.dialect, words));
  }

  const unshare = shareRosetta({ el, root, model, words, change, current: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    unthemed();
    unshare();
    forget();
    matrices.dispose();
  };
}

export default figure(render);
