/** Elements of MathML: letters, indices, transposes, gradients. */

const MATHML = "http://www.w3.org/1998/Math/MathML";

/** A MathML element. A string child of mrow, msub or msup becomes an identifier, a number or an operator. */
export function math(tag, ...children) {
  const node = document.createElementNS(MATHML, tag);
  const leaf = tag === "mi" || tag === "mn" || tag === "mo" || tag === "mtext";
  for (const child of children) {
    if (leaf || typeof child !== "string") node.append(child);
    else node.append(math(/^[−\d]/.test(child) ? "mn" : /^[\p{L}]/u.test(child) ? "mi" : "mo", child));
  }
  if (tag === "mo") node.setAttribute("stretchy", "false"); // brackets stay as high as letters
  if (children[0] === "+") node.setAttribute("form", "infix"); // also where a line begins with it
  return node;
}

/** A whole formula. */
export function formula(...children) {
  return math("math", math("mrow", ...children));
}

/** A symbol with a subscript: sub("a", "t"). */
export function sub(base, ...index) {
  return math("msub", typeof base === "string" ? math("mi", base) : base, math("mrow", ...index));
}

/** The gradient of a symbol: d("a", "t") is da with the subscript t. */
export function d(name, ...index) {
  return sub(math("mrow", math("mi", "d"), math("mi", name)), ...index);
}

/** A transposed symbol: transposed("W", "h", "h"). */
export function transposed(base, ...index) {
  return math("msubsup", base, math("mrow", ...index), "⊤");
}
