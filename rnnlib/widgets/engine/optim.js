/** The vectors that each optimiser remembers, and its step, with the hyperparameters that optim.py has by default. */
export const RULES = {
  sgd: { slots: 0, step: descend },
  momentum: { slots: 1, step: descendWithMomentum },
  adagrad: { slots: 1, step: descendWithAdagrad },
  rmsprop: { slots: 1, step: descendWithRMSprop },
  adam: { slots: 2, step: descendWithAdam },
};

/** The names of the optimisers. */
export const OPTIMIZERS = Object.keys(RULES);

function descend(next, w, g, slots, rate) {
  for (let i = 0; i < w.length; i++) next[i] = w[i] - rate * g[i];
}

function descendWithMomentum(next, w, g, [v], rate) {
  const beta = 0.9;
  for (let i = 0; i < w.length; i++) {
    v[i] = beta * v[i] + g[i];
    next[i] = w[i] - rate * v[i];
  }
}

function descendWithAdagrad(next, w, g, [squares], rate) {
  const epsilon = 1e-10;
  for (let i = 0; i < w.length; i++) {
    squares[i] += g[i] * g[i];
    next[i] = w[i] - (g[i] / (Math.sqrt(squares[i]) + epsilon)) * rate;
  }
}

function descendWithRMSprop(next, w, g, [r], rate) {
  const [beta, epsilon] = [0.99, 1e-8];
  for (let i = 0; i < w.length; i++) {
    r[i] = beta * r[i] + (1 - beta) * g[i] * g[i];
    next[i] = w[i] - (g[i] / (Math.sqrt(r[i]) + epsilon)) * rate;
  }
}

function descendWithAdam(next, w, g, [m, s], rate, t) {
  const [beta1, beta2] = [0.9, 0.999];
  const root = Math.sqrt(1 - beta2 ** t);
  const scale = (rate * root) / (1 - beta1 ** t);
  const epsilon = 1e-8 * root;
  for (let i = 0; i < w.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    s[i] = beta2 * s[i] + (1 - beta2) * g[i] * g[i];
    next[i] = w[i] - (m[i] / (Math.sqrt(s[i]) + epsilon)) * scale;
  }
}

/** √Σ g²; not finite only where g is not, or the length itself too large. */
export function lengthOf(g) {
  let even = 0; // two sums, as one would wait for itself at each number
  let odd = 0;
  const last = g.length - 1;
  for (let i = 0; i < last; i += 2) {
    even += g[i] * g[i];
    odd += g[i + 1] * g[i + 1];
  }
  if (g.length % 2) even += g[last] * g[last];
  const length = Math.sqrt(even + odd);
  if (Number.isFinite(length)) return length;
  let largest = 0; // the squares may have been too large where their root is not
  for (let i = 0; i < g.length; i++) {
    if (!Number.isFinite(g[i])) return Number.isNaN(g[i]) ? NaN : Infinity;
    largest = Math.max(largest, Math.abs(g[i]));
  }
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += (g[i] / largest) ** 2;
  return largest * Math.sqrt(sum);
}
