/**
 * The graph of gates of formulations/gates.py, gate by gate and in the same names: what a gate computes and how it sends
 * gradients back stand side by side, and the tape does the rest. Nothing here touches the page.
 *
 * An array has a shape and its entries row by row: [] is a single number, [n] a column vector, [m, n] a matrix. Steps
 * count from one in the names of nodes, as in the equations.
 *
 * @typedef {{shape: number[], entries: Float64Array}} Tensor
 * @typedef {{forward: (...inputs: Tensor[]) => Tensor, backward: (dz: Tensor, z: Tensor, ...inputs: Tensor[]) => (Tensor | null)[]}} Gate
 *   backward gives the gradient of each input, null for an id
 */

import { checkIds, checkInteger, checkLength, checkParams, checkTargets, wrongArgument } from "./checks.js";

/** @returns {Tensor} */
function tensor(shape, entries) {
  return { shape, entries: Float64Array.from(entries) };
}

/** A tensor of the same shape whose entries are made from those of the ones given. */
function entrywise(make, first, ...others) {
  return tensor(first.shape, first.entries.map((value, i) => make(value, ...others.map(({ entries }) => entries[i]))));
}

const plus = (one, other) => entrywise((p, q) => p + q, one, other);

/** A node: its data, the gate and the parents that it was computed from, and, after `backward`, its gradient. */
export class TapeNode {
  constructor(data, name = "", operation = "", parents = []) {
    this.data = data;
    this.name = name;
    this.operation = operation;
    this.parents = parents;
    this.grad = null;
  }

  /** The gradients that this node hands to its parents, one for each, when its own is dz. */
  toParents(dz) {
    return this.operation ? GATES[this.operation].backward(dz, this.data, ...this.parents.map(({ data }) => data)) : [];
  }

  /** Set grad = ∂this/∂node on all nodes of the graph: one walk along the tape, last node first, adding up.
   * Returns the tape. Throws when this node is not a single number. */
  backward() {
    if (this.data.shape.length) throw wrongArgument(this.name || "data", "a single number", `shape (${this.data.shape})`);
    const tape = tapeOf(this);
    for (const node of tape) node.grad = null;
    this.grad = tensor([], [1]);
    for (const node of [...tape].reverse()) { // all that a node went into stands after it: its gradient is complete
      node.toParents(node.grad).forEach((grad, i) => {
        const parent = node.parents[i];
        if (grad) parent.grad = parent.grad ? plus(grad, parent.grad) : grad;
      });
    }
    return tape;
  }
}

/** The nodes that `loss` was computed from, and itself, in topological order: parents before children. */
export function tapeOf(loss) {
  if (!(loss instanceof TapeNode)) throw wrongArgument("loss", "a TapeNode", loss);
  const tape = new Set(); // keeps the order in which its members came
  const stack = [loss];
  while (stack.length) {
    const waiting = stack[stack.length - 1].parents.filter((parent) => !tape.has(parent));
    if (waiting.length) stack.push(...waiting.reverse());
    else tape.add(stack.pop());
  }
  return [...tape];
}

/** exp(o - max o) and its sum: the largest exponent is zero, so that none overflows. */
function shiftedSum({ entries }) {
  const most = Math.max(...entries);
  const powers = entries.map((value) => Math.exp(value - most));
  return { most, powers, sum: powers.reduce((total, value) => total + value, 0) };
}

/** @type {Object<string, Gate>} */
export const GATES = {
  // z = W x, a matrix (m, n) and a vector (n)
  MultiplyGate: {
    forward({ shape: [m, n], entries: W }, { shape, entries: x }) {
      if (n === undefined || String(shape) !== String(n)) throw wrongArgument("x", "a vector as long as a row", `shape (${shape})`);
      return tensor([m], Array.from({ length: m }, (_, i) => x.reduce((sum, value, j) => sum + W[i * n + j] * value, 0)));
    },
    backward({ entries: dz }, z, { shape: [m, n], entries: W }, { entries: x }) {
      const dW = tensor([m, n], W.map((_, at) => dz[Math.floor(at / n)] * x[at % n]));
      return [dW, tensor([n], x.map((_, j) => dz.reduce((sum, value, i) => sum + W[i * n + j] * value, 0)))];
    },
  },
  // z = U x for the one-hot vector x of an id, which is column x of U
  PickGate: {
    forward({ shape: [m, n], entries: U }, { entries: [x] }) {
      checkInteger("x", x, 0, n - 1);
      return tensor([m], Array.from({ length: m }, (_, i) => U[i * n + x]));
    },
    backward({ entries: dz }, z, { shape: [m, n] }, { entries: [x] }) {
      const dU = tensor([m, n], new Float64Array(m * n));
      for (let i = 0; i < m; i++) dU.entries[i * n + x] = dz[i];
      return [dU, null];
    },
  },
  // z = the sum of arrays of one shape, as many as there are
  AddGate: {
    forward: (...terms) => {
      const shapes = new Set(terms.map(({ shape }) => `(${shape})`));
      if (shapes.size !== 1) throw wrongArgument("terms", "arrays of one shape", [...shapes].join(" "));
      return terms.reduce(plus);
    },
    backward: (dz, z, ...terms) => terms.map(() => dz),
  },
  // z = tanh(a), so that ∂z/∂a = 1 - z²
  Tanh: {
    forward: (a) => entrywise(Math.tanh, a),
    backward: (dz, z) => [entrywise((slope, value) => slope * (1 - value * value), dz, z)],
  },
  // z = -log ŷ[y], ŷ = softmax(o), for logits o (n) and a target id y; ∂z/∂o = ŷ - the one-hot vector of y
  Softmax: {
    forward(o, { entries: [y] }) {
      checkInteger("y", y, 0, o.entries.length - 1);
      const { most, sum } = shiftedSum(o);
      return tensor([], [Math.log(sum) - (o.entries[y] - most)]);
    },
    backward({ entries: [dz] }, z, o, { entries: [y] }) {
      const { powers, sum } = shiftedSum(o);
      return [tensor(o.shape, powers.map((power, i) => dz * (power / sum - Number(i === y)))), null];
    },
  },
};

/** Call a gate forward: the node of its result, whose parents are the nodes that it was given. */
export function callGate(operation, parents, name = "") {
  return new TapeNode(GATES[operation].forward(...parents.map(({ data }) => data)), name, operation, parents);
}

/** The matrix (rows, columns) whose transpose is stored row by row in `entries`. */
function transpose(entries, rows, columns) {
  return tensor([rows, columns], entries.map((_, at) => entries[(at % columns) * rows + Math.floor(at / columns)]));
}

/**
 * The node of L = Σ_t L_t for the weights of `params`, which stand in columns here: U = Wxhᵀ, W = Whhᵀ, V = Whyᵀ.
 *
 * @param {{V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array}} params  with biases of zero
 * @param {ArrayLike<number>} x  T ids
 * @param {ArrayLike<number>} y  T target ids
 * @param {ArrayLike<number> | null} [h0]  zeros unless given
 */
export function tapeLoss(params, x, y, h0 = null) {
  checkParams(params);
  const { V: n, H } = params;
  for (const name of ["bh", "by"]) {
    const wrong = params[name].find((value) => value !== 0);
    if (wrong !== undefined) throw wrongArgument(`params.${name}`, "zeros, for there are no biases here", wrong);
  }
  checkIds("x", x, n);
  checkTargets(y, x.length, n);
  if (h0 !== null) checkLength("h0", h0, H);
  const [U, W, V] = [
    new TapeNode(transpose(params.Wxh, H, n), "U"),
    new TapeNode(transpose(params.Whh, H, H), "W"),
    new TapeNode(transpose(params.Why, n, H), "V"),
  ];
  let h = new TapeNode(tensor([H], h0 ?? new Float64Array(H)), "h_0");
  const losses = Array.from(x, (id, i) => {
    const t = i + 1;
    const Ux = callGate("PickGate", [U, new TapeNode(tensor([], [id]), `x_${t}`)], `U x_${t}`);
    const Wh = callGate("MultiplyGate", [W, h], `W h_${i}`);
    h = callGate("Tanh", [callGate("AddGate", [Ux, Wh], `a_${t}`)], `h_${t}`);
    const o = callGate("MultiplyGate", [V, h], `o_${t}`);
    return callGate("Softmax", [o, new TapeNode(tensor([], [y[i]]), `y_${t}`)], `L_${t}`);
  });
  return callGate("AddGate", losses, "L");
}

/**
 * The edges of a tape after `backward`, in the order in which gradients come along them: last child first.
 *
 * @param {TapeNode[]} tape
 * @returns {{child: number, parent: number, place: number, grad: Tensor | null}[]}  numbers of nodes on the tape, which
 *   of the child's parents it is, and the gradient that the child hands to it
 */
export function tapeEdges(tape) {
  /** @type {Map<TapeNode, any>} */
  const numberOf = new Map(tape.map((node, i) => [node, i]));
  return tape.flatMap((node, child) => {
    const grads = node.toParents(node.grad);
    return node.parents.map((parent, place) => ({ child, parent: numberOf.get(parent), place, grad: grads[place] }));
  }).reverse();
}

/** What a node has collected when all nodes from `from` on have handed on their gradients; null for nothing yet. */
export function collected(edges, parent, from) {
  return edges.filter((edge) => edge.parent === parent && edge.child >= from && edge.grad)
    .reduce((sum, { grad }) => (sum ? plus(grad, sum) : grad), null);
}
