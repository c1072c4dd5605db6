/**
 * The equations of the network, each written once, the rules that rewrite them for any dialect, and how what comes out
 * differs from ours. No DOM.
 *
 * An equation is written for row vectors and matrices stored in × out. A factor says what it is, at which step, whether it
 * is the gradient of that, and whether it is transposed. A product is then translated by two rules alone: what is stored the
 * other way round in the dialect is its own transpose, and a transposed product is reversed.
 *
 * @typedef {{name: string, at: string, gradient: boolean, turned: boolean}} Factor
 * @typedef {{key: string, left: Factor[], terms: Factor[][], apply: string, sum: boolean, slope: Factor | null,
 *   minus: boolean, share: boolean, loss: boolean}} Equation  left: all that have this right side; terms: products, to be
 *   added; apply: a function of their sum; sum: over t; slope: times 1 minus its square; minus: the second term is taken
 *   off; share: divided by T where the loss is the mean; loss: the one of L, whose right side is no product
 */

import { OURS } from "./dialects.js";

const symbolAt = (name, at = "t") => ({ name, at, gradient: false, turned: false });

const weight = (name) => symbolAt(name, "");

const slopeOf = (name, at = "t") => ({ ...symbolAt(name, at), gradient: true });

const flipped = (one) => ({ ...one, turned: !one.turned });

/** The factors on the right side of the loss. */
export const LOSS = [symbolAt("yhat"), symbolAt("y")];

const PLAIN = { apply: "", sum: false, slope: null, minus: false, share: false, loss: false };

const equate = (left, terms, more = {}) => ({ ...PLAIN, ...more, left, terms });

const summed = (name, ...factors) => equate(slopeOf(name, ""), [factors], { sum: true });

const FORWARD_EQUATIONS = [
  equate(symbolAt("a"), [[symbolAt("x"), weight("Wxh")], [symbolAt("h", "t−1"), weight("Whh")], [weight("bh")]]),
  equate(symbolAt("h"), [[symbolAt("a")]], { apply: "tanh" }),
  equate(symbolAt("o"), [[symbolAt("h"), weight("Why")], [weight("by")]]),
  equate(symbolAt("yhat"), [[symbolAt("o")]], { apply: "softmax" }),
  equate(weight("L"), [], { loss: true, share: true }),
];

const BACKWARD_EQUATIONS = [
  equate(slopeOf("o"), [[symbolAt("yhat")], [symbolAt("y")]], { minus: true, share: true }),
  equate(slopeOf("h"), [[slopeOf("o"), flipped(weight("Why"))], [slopeOf("a", "t+1"), flipped(weight("Whh"))]]),
  equate(slopeOf("a"), [[slopeOf("h")]], { slope: symbolAt("h") }),
  summed("Wxh", flipped(symbolAt("x")), slopeOf("a")),
  summed("Whh", flipped(symbolAt("h", "t−1")), slopeOf("a")),
  summed("Why", flipped(symbolAt("h")), slopeOf("o")),
  summed("bh", slopeOf("a")),
  summed("by", slopeOf("o")),
];

const SIZE_OF = { x: "V", y: "V", a: "H", h: "H", o: "V", yhat: "V", bh: "H", bh2: "H", by: "V" };

const MATRIX_SIZES = { Wxh: ["V", "H"], Whh: ["H", "H"], Why: ["H", "V"] };

const isBias = (name) => name[0] === "b";

/** Is it the transpose of ours? A bias that is stored as (H,) follows the vectors. */
function isOpposite(name, dialect, layout) {
  if (name in MATRIX_SIZES) return dialect.turned.includes(name);
  const shape = isBias(name) ? dialect.symbols[name].shape : [];
  if (shape.length === 2 && !shape.includes("2H")) return shape[1] === 1;
  return name in SIZE_OF && layout === "column";
}

/** The shape of a factor as it is written in the translated equation, in our notation; [] for a number. */
export function factorShape({ name, turned }, dialect, layout) {
  const ours = MATRIX_SIZES[name] ?? (name in SIZE_OF ? [1, SIZE_OF[name]] : []);
  return isOpposite(name, dialect, layout) !== turned ? [...ours].reverse() : ours;
}

function translateOne(one, dialect, layout, mean) {
  // One bias of ours may be two there, or none.
  const there = (part) => (isBias(part.name) ? [part.name, `${part.name}2`] : [part.name])
    .filter((name) => !isBias(name) || name in dialect.symbols).map((name) => ({ ...part, name }));
  const left = there(one.left);
  const terms = one.terms.flatMap((factors) => (factors.length > 1 ? [factors] : there(factors[0]).map((part) => [part])));
  const across = left.length && isOpposite(left[0].name, dialect, layout); // the whole equation is transposed
  const written = (part) => (isOpposite(part.name, dialect, layout) !== across ? flipped(part) : part);
  return {
    ...one,
    left,
    key: `${one.left.gradient ? "d" : ""}${one.left.name}`,
    terms: terms.map((factors) => (across ? factors.map(written).reverse() : factors.map(written))),
    share: one.share && mean,
  };
}

/** All equations of a dialect for row or column vectors: {forward, backward}.
 * @param {"row" | "column"} layout
 * @param {"sum" | "mean"} reduction
 * @returns {{forward: Equation[], backward: Equation[]}} */
export function translate(dialect, layout, reduction) {
  const all = (equations) => equations.map((one) => translateOne(one, dialect, layout, reduction === "mean"))
    .filter(({ left }) => left.length);
  return { forward: all(FORWARD_EQUATIONS), backward: all(BACKWARD_EQUATIONS) };
}

const factorsOf = ({ left, terms, slope, loss }) => [...left, ...terms.flat(), ...(slope ? [slope] : []), ...(loss ? LOSS : [])];

const productsOf = ({ terms }) => terms.filter((factors) => factors.length > 1).flat();

/** How an equation of a dialect differs from ours: each kind of difference, with the factors that have it.
 *
 * turned: transposed where ours is not, or the other way round; a product is then in another order too. undivided: not divided
 * by T, as ours is. added, missing: there alone, in ours alone. renamed: another letter. order: a product in another order, and
 * nothing turned. above: with the step above.
 * @param {Equation} one
 * @param {Equation} ours
 * @returns {Map<string, Factor[]>} */
export function differences(one, ours, dialect) {
  const [theirs, known] = [factorsOf(one), factorsOf(ours)];
  const twin = (part, all) => all.find(({ name, gradient }) => name === part.name && gradient === part.gradient);
  const renamed = ({ name }) => (dialect.symbols[name]?.maths || OURS[name]) !== OURS[name];
  const order = (equation) => productsOf(equation).map(({ name }) => name).join(" ");
  const turned = theirs.filter((part) => twin(part, known)?.turned === !part.turned);
  return new Map(Object.entries({
    turned,
    undivided: ours.share && !one.share ? ours.left : [],
    added: theirs.filter((part) => !twin(part, known)),
    missing: known.filter((part) => !twin(part, theirs)),
    renamed: theirs.filter((part) => twin(part, known) && renamed(part)),
    order: turned.length || order(one) === order(ours) ? [] : productsOf(one),
    above: dialect.index === "above" ? theirs.filter(({ at }) => at) : [],
  }).filter(([, parts]) => parts.length));
}

/** A square matrix (n, n) as it is stored: itself or its transpose. */
export function asStored(matrix, n, turned) {
  return turned ? matrix.map((_, i) => matrix[(i % n) * n + Math.floor(i / n)]) : matrix;
}
