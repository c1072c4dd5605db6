/** An equation as MathML, in the symbols of a dialect. */

import { formula, math } from "../ui/mathml.js";
import { DIALECTS, OURS } from "./dialects.js";
import { LOSS } from "./equations.js";

/** A symbol with what it is called in code, for the pointer; `marks(part)` are the kinds in which it differs. */
export function symbolMath(part, dialect = DIALECTS.rnnlib, marks = (/** @type {any} */ _part) => [], square = false) {
  const node = plainSymbol({ ...part, square }, dialect);
  node.dataset.name = part.name;
  for (const mark of marks(part)) node.classList.add(`rnn-rosetta-${mark}`);
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

/** An equation in pieces, between which a line may break; marks(part) gives the kinds in which a factor differs, and
 * `divided` the class of the division.
 * @returns {any[]} */
export function equationMath(one, dialect, marks, divided) {
  const left = one.left.map((part) => formula(symbolMath(part, dialect, marks), "="));
  return [...left, ...rightSide(one, (part, square) => symbolMath(part, dialect, marks, square), divided)];
}

function rightSide({ terms, apply, sum, slope, minus, share, loss }, symbol, divided) {
  const product = (factors) => factors.map((part) => symbol(part));
  const shared = (...signs) => {
    const node = math("mrow", ...signs);
    if (divided) node.classList.add(divided);
    return node;
  };
  if (loss) {
    const [yhat, y] = LOSS.map((part) => symbol(part));
    const mean = share ? [shared("(", "1", "/", "T", ")")] : [];
    return [formula(math("mo", "−"), ...mean, sumOverT(), math("mi", "ln"), math("mspace"), yhat, "[", y, "]")];
  }
  if (apply) return [formula(math("mi", apply), "(", ...product(terms[0]), ")")];
  if (slope) {
    return [formula(...product(terms[0]), between("⊙"), "(", "1", between("−"), symbol(slope, true), ")")];
  }
  if (minus) {
    const inner = [...product(terms[0]), between("−"), ...product(terms[1])];
    return [formula(...(share ? ["(", ...inner, ")", shared("/", "T")] : inner))];
  }
  return terms.map((factors, i) => formula(...(i ? [between("+")] : sum ? [sumOverT()] : []), ...product(factors)));
}
