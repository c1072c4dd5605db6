/**
 * out (R, C) = Σ_k A[aAt + r aRow + k aStep] · B[c bCol + k bStep], k < K. The strides say which of the two matrices is
 * transposed. Two rows and four columns at a time: eight products for six numbers fetched. Where a size does not come
 * out even, the last row and column are computed more than once, and come out the same.
 */
export function stridedProduct(out, R, C, K, A, aAt, aRow, aStep, B, bCol, bStep) {
  for (let r = 0; r < R; r += 2) {
    const above = aAt + r * aRow;
    const next = r + 1 < R ? r + 1 : r;
    const below = aAt + next * aRow;
    for (let c = 0; c < C; c += 4) {
      const c1 = c + 1 < C ? c + 1 : c;
      const c2 = c + 2 < C ? c + 2 : c;
      const c3 = c + 3 < C ? c + 3 : c;
      let p0 = 0;
      let p1 = 0;
      let p2 = 0;
      let p3 = 0;
      let q0 = 0;
      let q1 = 0;
      let q2 = 0;
      let q3 = 0;
      let a = above;
      let b = below;
      let i0 = c * bCol;
      let i1 = c1 * bCol;
      let i2 = c2 * bCol;
      let i3 = c3 * bCol;
      for (let k = 0; k < K; k++) {
        const x = A[a];
        const y = A[b];
        const z0 = B[i0];
        const z1 = B[i1];
        const z2 = B[i2];
        const z3 = B[i3];
        p0 += x * z0;
        p1 += x * z1;
        p2 += x * z2;
        p3 += x * z3;
        q0 += y * z0;
        q1 += y * z1;
        q2 += y * z2;
        q3 += y * z3;
        a += aStep;
        b += aStep;
        i0 += bStep;
        i1 += bStep;
        i2 += bStep;
        i3 += bStep;
      }
      out[r * C + c] = p0;
      out[r * C + c1] = p1;
      out[r * C + c2] = p2;
      out[r * C + c3] = p3;
      out[next * C + c] = q0;
      out[next * C + c1] = q1;
      out[next * C + c2] = q2;
      out[next * C + c3] = q3;
    }
  }
}

/** out[c] = start[startAt + c] + Σ_k row[rowAt + k] · B[c bCol + k bStep], k < K: one row, four columns at a time. */
export function rowProduct(out, C, K, start, startAt, row, rowAt, B, bCol, bStep) {
  for (let c = 0; c < C; c += 4) {
    const c1 = c + 1 < C ? c + 1 : c;
    const c2 = c + 2 < C ? c + 2 : c;
    const c3 = c + 3 < C ? c + 3 : c;
    let p0 = start[startAt + c];
    let p1 = start[startAt + c1];
    let p2 = start[startAt + c2];
    let p3 = start[startAt + c3];
    let i0 = c * bCol;
    let i1 = c1 * bCol;
    let i2 = c2 * bCol;
    let i3 = c3 * bCol;
    for (let k = 0; k < K; k++) {
      const x = row[rowAt + k];
      p0 += x * B[i0];
      p1 += x * B[i1];
      p2 += x * B[i2];
      p3 += x * B[i3];
      i0 += bStep;
      i1 += bStep;
      i2 += bStep;
      i3 += bStep;
    }
    out[c] = p0;
    out[c1] = p1;
    out[c2] = p2;
    out[c3] = p3;
  }
}

// e^-700 is about 1e-304: beside the largest probability, at least 1 / V, nothing; what is smaller still is slow.
const LOWEST_LOGIT = -700;

/** Buffers for windows of at most T steps of a cell with G pre-activations: h (T + 1, H), whose row 0 is the state that a window
 * starts from; o (T, V); dh (T, H); da (T, G); of each step its loss, and 1 where no prediction was likelier than the true one. */
export function buffersOf(V, H, T, G) {
  const numbers = { h: (T + 1) * H, o: T * V, row: G, dh: T * H, da: T * G, losses: T, hits: T };
  return Object.fromEntries(Object.entries(numbers).map(([name, size]) => [name, new Float64Array(size)]));
}

/** The hidden states of a window of T steps from id `from` on, into space.h. */
function states({ H, ids, params, space }, from, T) {
  const { Wxh, Whh, bh } = params;
  const { h, row } = space;
  for (let t = 0; t < T; t++) {
    const x = ids[from + t] * H;
    for (let j = 0; j < H; j++) row[j] = Wxh[x + j] + bh[j];
    rowProduct(row, H, H, row, 0, h, t * H, Whh, 1, H);
    const at = (t + 1) * H;
    for (let j = 0; j < H; j++) h[at + j] = Math.tanh(row[j]);
  }
}

/** From hidden states to the loss, the same for every cell; leaves (ŷ - y) / T in space.o, and what each step adds. */
export function lossOfStates({ V, H, ids, params, space }, from, T) {
  const { Why, by } = params;
  const { h, o, losses, hits } = space;
  stridedProduct(o, T, V, H, h, H, H, 1, Why, 1, V);
  let total = 0;
  for (let t = 0; t < T; t++) {
    const at = t * V;
    let max = -Infinity;
    for (let j = 0; j < V; j++) {
      o[at + j] += by[j];
      if (o[at + j] > max) max = o[at + j];
    }
    const y = at + ids[from + t + 1];
    const right = o[y] - max;
    let sum = 0;
    for (let i = at; i < at + V; i++) {
      const shifted = o[i] - max;
      o[i] = shifted < LOWEST_LOGIT ? 0 : Math.exp(shifted);
      sum += o[i];
    }
    losses[t] = Math.log(sum) - right;
    hits[t] = right === 0 ? 1 : 0;
    total += losses[t];
    const given = o[y] / sum;
    for (let i = at; i < at + V; i++) o[i] = o[i] / sum / T;
    o[y] = (given - 1) / T;
  }
  return total / T;
}

/** The gradient of that loss, into run.space.gradient. */
function gradient(run, from, T) {
  const { V, H, ids, params, space } = run;
  const { Whh, Why } = params;
  const { h, o, dh, da, row } = space;
  const { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby } = space.grads;
  stridedProduct(dWhy, H, V, T, h, H, 1, H, o, 1, V);
  stridedProduct(dh, T, H, V, o, 0, V, 1, Why, V, 1);
  space.gradient.fill(0, 0, V * H);
  dbh.fill(0);
  dby.fill(0);
  for (let t = T - 1; t >= 0; t--) {
    const at = t * H;
    // Nothing comes back to the last step, and `after` is then any numbers at all, none of which is read.
    rowProduct(row, H, t < T - 1 ? H : 0, dh, at, da, at + H, Whh, H, 1);
    const x = ids[from + t] * H;
    for (let j = 0; j < H; j++) {
      const state = h[at + H + j];
      const error = row[j] * (1 - state * state);
      da[at + j] = error;
      dbh[j] += error;
      dWxh[x + j] += error;
    }
    for (let j = 0; j < V; j++) dby[j] += o[t * V + j];
  }
  stridedProduct(dWhh, H, H, T, h, 0, 1, H, da, 1, H);
}

/** The workspace of the vanilla network. */
export const WORKSPACE = { buffers: (V, H, T) => buffersOf(V, H, T, H), states, gradient };
