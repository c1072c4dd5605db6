/**
 * The view of Rosetta: the equations of one network in the notation that is picked, with their shapes and what we call each
 * line; the recurrent weights and their gradient as that notation stores them; what everything is called in code.
 * DIALECTS, OURS, SYMBOL_KEYS, LIMITS and DEFAULTS come from rosetta/__init__.py.
 */

import { backward } from "../engine/bptt.js";
import { crossEntropy } from "../engine/loss.js";
import { number } from "../model/format.js";
import { NETWORK, network, shownNetwork } from "../model/network.js";
import { linkedChoice, linkedNetwork } from "../model/permalink.js";
import { extent } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { field, bindModel, networkFields } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { formula, math } from "../ui/mathml.js";
import { buildMatrix, showMatrix } from "../ui/matrix.js";
import { wordsFor } from "../ui/messages.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { DIALECTS, OURS, SYMBOL_KEYS } from "./dialects.js";
import { asStored, factorShape, translate } from "./equations.js";
import { DEFAULTS, LIMITS, REDUCTIONS } from "./facts.js";

const [HEAD_ROOM, ROW_ROOM] = [48, 26]; // px: the head of a matrix, its frame and a scroll bar; one row

const MOVE = 400; // ms that the numbers of a matrix take to their transposed places

const TIMED = ["x", "y", "a", "h", "h0", "o", "yhat"];

const VECTORS = { row: "rosetta_vectors_row", column: "rosetta_vectors_column" };

const STORED = ["rosetta_stored_none", "rosetta_stored_some", "rosetta_stored_some", "rosetta_stored_all"];

const HERE = {
  row: "rosetta_here_row", column: "rosetta_here_column", sum: "rosetta_here_sum", mean: "rosetta_here_mean",
};

const LOSSES = { sum: "rosetta_said_sum", mean: "rosetta_said_mean", "": "rosetta_said_no_loss" };

const WEIGHTS = ["Wxh", "Whh", "Why", "bh", "bh2", "by"];

/** What is different about a factor: another letter, or a bias that we have not; transposed where ours is not, or the
 * other way round. `ours` are the factors of our equation, where it is compared. */
function marksOf({ name, gradient, turned }, dialect, ours) {
  if (!ours) return [];
  const same = ours.find((one) => one.name === name && one.gradient === gradient);
  const renamed = (dialect.symbols[name]?.maths || OURS[name]) !== OURS[name];
  return [...(!same || renamed ? ["named"] : []), ...(same && same.turned !== turned ? ["turned"] : [])];
}

/** A symbol as MathML, with what it is called in code for the pointer, and marked where it is not as in `ours`. */
function symbolMath(part, dialect, ours) {
  const node = plainSymbol(part, dialect);
  node.dataset.name = part.name;
  for (const mark of marksOf(part, dialect, ours)) node.classList.add(`rnn-rosetta-${mark}`);
  return node;
}

/** Its base, its subscript, and its step, below or in angle brackets above. */
function plainSymbol({ name, at, gradient = false, turned = false, square = false }, dialect) {
  const [base, below = ""] = (dialect.symbols[name]?.maths || OURS[name]).split(" ");
  const letter = base === "ŷ" ? math("mover", "y", "^") : math("mi", base);
  const core = gradient ? math("mrow", math("mi", "d"), letter) : letter;
  const step = [...at].map((sign) => (sign === "−" ? math("mo", sign) : sign));
  const above = at && dialect.index === "above" ? ["⟨", ...step, "⟩"] : [];
  const index = [...(below.length > 2 ? [math("mtext", below)] : below), ...(above.length ? [] : step)];
  if (square && above.length) return math("msup", plainSymbol({ name, at }, dialect), "2");
  if (square) above.push("2");
  if (turned) above.push("⊤");
  if (index.length && above.length) return math("msubsup", core, math("mrow", ...index), math("mrow", ...above));
  if (index.length) return math("msub", core, math("mrow", ...index));
  return above.length ? math("msup", core, math("mrow", ...above)) : core;
}

/** A sign between two terms, with room on both sides, also where a line begins with it. */
function between(sign) {
  const node = math("mo", sign);
  for (const side of ["lspace", "rspace"]) node.setAttribute(side, "0.22em");
  return node;
}

const sumOverT = () => math("msub", math("mo", "∑"), "t");

const LOSS = ["yhat", "y"].map((name) => ({ name, at: "t", gradient: false, turned: false }));

/** The right side of an equation in pieces, between which a line may break. */
function rightSide({ terms, apply, sum, slope, minus, share, loss }, dialect, ours) {
  const known = ours && [...ours.terms.flat(), ...(ours.loss ? LOSS : []), ...(ours.slope ? [ours.slope] : [])];
  const product = (factors) => factors.map((part) => symbolMath(part, dialect, known));
  if (loss) {
    const [yhat, y] = LOSS.map((part) => symbolMath(part, dialect, known));
    const mean = share ? ["(", "1", "/", "T", ")"] : [];
    return [formula(math("mo", "−"), ...mean, sumOverT(), math("mi", "ln"), math("mspace"), yhat, "[", y, "]")];
  }
  if (apply) return [formula(math("mi", apply), "(", ...product(terms[0]), ")")];
  if (slope) {
    const square = symbolMath({ ...slope, square: true }, dialect, known);
    return [formula(...product(terms[0]), between("⊙"), "(", "1", between("−"), square, ")")];
  }
  if (minus) {
    const inner = [...product(terms[0]), between("−"), ...product(terms[1])];
    return [formula(...(share ? ["(", ...inner, ")", "/", "T"] : inner))];
  }
  return terms.map((factors, i) => formula(...(i ? [between("+")] : sum ? [sumOverT()] : []), ...product(factors)));
}

const written = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** The shapes along an equation: of its left side, and of the factors of its products. */
function shapesOf({ left, terms }, dialect, layout) {
  const of = (part) => written(factorShape(part, dialect, layout));
  if (left[0].name === "L") return "";
  const products = terms.some((factors) => factors.length > 1);
  return of(left[0]) + (products ? ` = ${terms.map((factors) => factors.map(of).join(" ")).join(" + ")}` : "");
}

/** The equations of one direction; `way` is "forward" or "backward". */
function buildEquations(words, way, title, ...notes) {
  const list = make("div", { className: "rnn-rosetta-list", role: "list" });
  list.setAttribute("aria-label", title);
  const node = make("section", { className: "rnn-panel" }, make("div", { className: "rnn-title" }, title), list, ...notes);
  const panel = { list, lines: new Map() };
  const ours = Object.fromEntries(translate(DIALECTS.rnnlib, "row", "mean")[way].map((one) => [one.key, one]));
  return { node, draw: ({ dialect, layout, reduction }) => (
    drawEquations(panel, translate(dialect, layout, reduction)[way], { dialect, layout, ours, words })) };
}

function buildEquation(words) {
  const [equation, ours, rest, shapes] = ["equation", "ours", "rest", "shapes"].map((name) => make("span", { className: `rnn-rosetta-${name}` }));
  const book = make("div", { className: "rnn-rosetta-book" }, make("span", { className: "rnn-said" }, words("rosetta_ours")), ours, rest);
  const there = make("div", {}, equation, shapes);
  return { node: make("div", { className: "rnn-rosetta-line", role: "listitem" }, book, there), equation, ours, rest, shapes };
}

/** Write the equations; a line that says something else than before is marked, and one that says what ours says is short. */
function drawEquations(panel, equations, { dialect, layout, ours, words }) {
  for (const one of equations) {
    if (!panel.lines.has(one.key)) panel.lines.set(one.key, buildEquation(words));
    const line = panel.lines.get(one.key);
    const pieces = [
      ...one.left.map((part) => formula(symbolMath(part, dialect, ours[one.key].left), "=")),
      ...rightSide(one, dialect, ours[one.key]),
    ];
    const text = pieces.map((piece) => piece.outerHTML).join("");
    line.node.classList.toggle("rnn-rosetta-changed", "text" in line && line.text !== text);
    if (line.text !== text) line.equation.replaceChildren(...pieces.flatMap((piece) => [piece, " "]));
    line.text = text;
    if (!line.ours.hasChildNodes()) {
      const { left: [first], ...right } = ours[one.key];
      line.ours.append(formula(symbolMath(first, DIALECTS.rnnlib)));
      line.rest.append(formula("="), ...rightSide(right, DIALECTS.rnnlib).flatMap((piece) => [piece, " "]));
      line.plain = line.ours.textContent + line.rest.textContent.replaceAll(" ", "");
    }
    line.node.classList.toggle("rnn-rosetta-same", line.equation.textContent.replaceAll(" ", "") === line.plain);
    setText(line.shapes, shapesOf(one, dialect, layout));
  }
  const nodes = equations.map(({ key }) => panel.lines.get(key).node);
  if (nodes.some((node, i) => panel.list.children[i] !== node) || panel.list.children.length !== nodes.length) {
    panel.list.replaceChildren(...nodes);
  }
}

function buildNames(words) {
  const caption = make("caption", { className: "rnn-title" });
  const heads = ["rosetta_head_ours", "rosetta_head_there", "rosetta_head_code", "rosetta_head_shape"]
    .map((key) => make("th", { scope: "col" }, words(key)));
  const body = make("tbody");
  const rows = SYMBOL_KEYS.map((key) => {
    const at = key === "h0" ? "0" : TIMED.includes(key) ? "t" : "";
    const head = make("th", { scope: "row" });
    const symbol = key === "bh2" ? make("span", {}, "+") : formula(symbolMath({ name: key, at }, DIALECTS.rnnlib));
    symbol.setAttribute("aria-hidden", "true"); // some screen readers find no name in a formula
    head.append(symbol, make("span", { className: "rnn-said" }, key));
    const [there, code, shape] = [make("td"), make("td"), make("td")];
    const [array, gradient] = [make("code"), make("code", { className: "rnn-rosetta-grad" })];
    code.append(array, gradient);
    const node = body.appendChild(make("tr", {}, head, there, code, shape));
    return { key, at, node, there, array, gradient, shape };
  });
  const table = make("table", { className: "rnn-rosetta-table" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  const draw = ({ dialect }) => {
    setText(caption, words("rosetta_table", { title: dialect.title }));
    for (const { key, at, node, there, array, gradient, shape } of rows) {
      const symbol = dialect.symbols[key];
      node.hidden = key === "bh2" && !symbol;
      there.replaceChildren(symbol?.maths ? formula(symbolMath({ name: key, at }, dialect)) : "–");
      setText(array, symbol?.code || "–");
      setText(gradient, WEIGHTS.includes(key) && symbol?.grad ? symbol.grad : "");
      setText(shape, !symbol?.code ? "–" : symbol.shape.length ? written(symbol.shape) : words("rosetta_number"));
    }
  };
  const fold = make("details", { className: "rnn-more" }, make("summary", {}, words("rosetta_all_names")), table);
  return { node: fold, draw };
}

/** What the symbol under the pointer is called. */
function buildPointed(words, root, current) {
  const node = make("p", { className: "rnn-rosetta-facts rnn-rosetta-pointed" }, words("rosetta_point"));
  root.addEventListener("pointerover", ({ target }) => {
    const name = target.closest("[data-name]")?.dataset.name;
    if (!name || !current()) return;
    const { dialect: { title, symbols } } = current();
    const { code, grad, shape = [] } = symbols[name] ?? {};
    setText(node, words(code ? "rosetta_pointed" : "rosetta_pointed_none", {
      name, title, code: [code, grad].filter(Boolean).join(", "), shape: shape.length ? written(shape) : words("rosetta_number"),
    }));
  });
  return node;
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
function introduced({ dialect: { title, vectors, turned, symbols, reduction }, ...shown }, words) {
  const biases = "bh2" in symbols ? "rosetta_biases_two" : "bh" in symbols ? "rosetta_biases_one" : "rosetta_biases_none";
  return [
    words("rosetta_said_names", { title, vectors: words(VECTORS[vectors]) }),
    ...(shown.layout === vectors ? [] : [words(HERE[shown.layout])]),
    words(STORED[turned.length], { names: turned.join(", ") }),
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

/** Let each number of a square matrix move from where it was to its transposed place. */
function carry(now, before, n) {
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
        matrix.scroller.style.height = `${HEAD_ROOM + ROW_ROOM * H}px`; // as much as it takes
        const places = across && placesOf(matrix.grid);
        showMatrix(matrix, { ...heads, title, values: asStored(values, H, turned), limit: extent(values) });
        if (places) carry(placesOf(matrix.grid), places, H);
      }
    },
    dispose() {
      for (const { observer } of [weights, gradient]) observer.disconnect();
    },
  };
}

function buildLoss(words) {
  const node = make("p", { className: "rnn-rosetta-loss" });
  return {
    node,
    draw({ T, V, y, trace, reduction }) {
      const loss = number(crossEntropy(trace.o, y, V, reduction), 4);
      setText(node, words(reduction === "mean" ? "rosetta_loss_mean" : "rosetta_loss_sum", { loss, T }));
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
  const head = [buildControls(words, change), buildSummary(words)];
  const equations = [
    buildEquations(words, "forward", words("rosetta_forward")),
    buildEquations(words, "backward", words("rosetta_backward")),
  ];
  const matrices = buildMatrices(words);
  const rest = [matrices, buildLoss(words), fields, buildNames(words)];
  const nodes = (parts) => parts.map(({ node }) => node);
  const root = make("div", { className: "rnn rnn-rosetta", role: "group" },
    ...nodes(head), make("div", { className: "rnn-panels rnn-rosetta-panels" }, ...nodes(equations)));
  root.append(buildPointed(words, root, () => state), ...nodes(rest));
  rest.at(-1).node.append(facts, legend);
  root.setAttribute("aria-label", words("rosetta_figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const last = state;
    state = { ...stateOf(model, net, gradients), dark: isDark(root) };
    for (const part of [...head, ...equations, ...rest]) part.draw(state, last);
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
