/** Eigenvalues, singular values and an orthonormal basis of a square matrix, which is stored row after row. */

import { checkInteger, checkLength } from "./checks.js";

const MOST = 60; // QR steps for one eigenvalue; three are usual

/** Turn A (n, n) in place into a matrix that is zero below its subdiagonal, by reflections: it keeps the eigenvalues. */
function toHessenberg(A, n) {
  for (let k = 0; k < n - 2; k++) {
    let size = 0;
    for (let i = k + 1; i < n; i++) size = Math.hypot(size, A[i * n + k]);
    if (size === 0) continue;
    const v = new Float64Array(n);
    for (let i = k + 1; i < n; i++) v[i] = A[i * n + k];
    v[k + 1] += v[k + 1] < 0 ? -size : size;
    const half = v.reduce((sum, value) => sum + value * value, 0) / 2;
    for (let j = 0; j < n; j++) {
      let dot = 0;
      for (let i = k + 1; i < n; i++) dot += v[i] * A[i * n + j];
      for (let i = k + 1; i < n; i++) A[i * n + j] -= (v[i] * dot) / half;
    }
    for (let i = 0; i < n; i++) {
      let dot = 0;
      for (let j = k + 1; j < n; j++) dot += A[i * n + j] * v[j];
      for (let j = k + 1; j < n; j++) A[i * n + j] -= (dot * v[j]) / half;
    }
  }
}

/** The square root of a complex number. */
function complexRoot(re, im) {
  const size = Math.hypot(re, im);
  const root = Math.sqrt((size + Math.abs(re)) / 2);
  if (root === 0) return [0, 0];
  return re >= 0 ? [root, im / (2 * root)] : [Math.abs(im) / (2 * root), im < 0 ? -root : root];
}

/** The eigenvalue of the 2 × 2 block that ends at `last` which is nearer to the block's last number. */
function shiftOf({ re, im }, n, last) {
  const at = (i, j) => [re[i * n + j], im[i * n + j]];
  const [[a, ai], [b, bi], [c, ci], [d, di]] = [at(last - 1, last - 1), at(last - 1, last), at(last, last - 1), at(last, last)];
  const [half, halfI] = [(a - d) / 2, (ai - di) / 2];
  const [root, rootI] = complexRoot(half * half - halfI * halfI + b * c - bi * ci, 2 * half * halfI + b * ci + bi * c);
  const sign = half * root + halfI * rootI > 0 ? -1 : 1;
  return [d + half + sign * root, di + halfI + sign * rootI];
}

/** One QR step with a shift on rows and columns first … last of a complex Hessenberg matrix, by rotations.
 * @param {{re: Float64Array, im: Float64Array}} matrix
 * @param {number} n
 * @param {number} first
 * @param {number} last
 * @param {number[]} by  the shift: its real and its imaginary part */
function qrStep({ re, im }, n, first, last, by) {
  const [shift, shiftI] = by;
  const turns = [];
  for (let i = first; i <= last; i++) {
    re[i * n + i] -= shift;
    im[i * n + i] -= shiftI;
  }
  for (let k = first; k < last; k++) {
    const [p, q] = [k * n + k, (k + 1) * n + k];
    const size = Math.hypot(re[p], im[p], re[q], im[q]);
    const turn = size ? [re[p] / size, im[p] / size, re[q] / size, im[q] / size] : [1, 0, 0, 0];
    turns.push(turn);
    const [c, ci, s, si] = turn;
    for (let j = k; j <= last; j++) {
      const [u, w] = [k * n + j, (k + 1) * n + j];
      const [x, xi, y, yi] = [re[u], im[u], re[w], im[w]];
      re[u] = c * x + ci * xi + s * y + si * yi;
      im[u] = c * xi - ci * x + s * yi - si * y;
      re[w] = c * y - ci * yi - s * x + si * xi;
      im[w] = c * yi + ci * y - s * xi - si * x;
    }
  }
  turns.forEach(([c, ci, s, si], at) => {
    const k = first + at;
    for (let i = first; i <= Math.min(k + 1, last); i++) {
      const [u, w] = [i * n + k, i * n + k + 1];
      const [x, xi, y, yi] = [re[u], im[u], re[w], im[w]];
      re[u] = c * x - ci * xi + s * y - si * yi;
      im[u] = c * xi + ci * x + s * yi + si * y;
      re[w] = c * y + ci * yi - s * x - si * xi;
      im[w] = c * yi - ci * y - s * xi + si * x;
    }
  });
  for (let i = first; i <= last; i++) {
    re[i * n + i] += shift;
    im[i * n + i] += shiftI;
  }
}

/**
 * The eigenvalues of W (n, n), by the QR algorithm with Wilkinson's shifts.
 *
 * @param {ArrayLike<number>} W
 * @param {number} n
 * @returns {{re: Float64Array, im: Float64Array}}  in no particular order
 */
export function eigenvalues(W, n) {
  checkInteger("n", n, 1);
  checkLength("W", W, n * n);
  const matrix = { re: Float64Array.from(W), im: new Float64Array(n * n) };
  toHessenberg(matrix.re, n);
  const size = (i, j) => Math.hypot(matrix.re[i * n + j], matrix.im[i * n + j]);
  for (let last = n - 1, steps = 0; last > 0;) {
    let first = last;
    while (first > 0 && size(first, first - 1) > Number.EPSILON * (size(first, first) + size(first - 1, first - 1))) first--;
    if (first === last || steps > MOST) {
      last--;
      steps = 0;
      continue;
    }
    steps++;
    // a rotation has no better shift than any other: an odd one breaks the tie
    const shift = steps % 10 === 0 ? [size(last, last - 1), 0.5 * size(last, last - 1)] : shiftOf(matrix, n, last);
    qrStep(matrix, n, first, last, shift);
  }
  const diagonal = (part) => Float64Array.from({ length: n }, (_, i) => part[i * n + i]);
  return { re: diagonal(matrix.re), im: diagonal(matrix.im) };
}

/** The lengths of a, of b, and their product, of two rows of numbers. */
function products(a, b) {
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    aa += a[i] * a[i];
    bb += b[i] * b[i];
    ab += a[i] * b[i];
  }
  return [aa, bb, ab];
}

/**
 * The singular values of W (n, n), the largest first: rotations make its rows orthogonal, pair by pair (one-sided Jacobi).
 *
 * @param {ArrayLike<number>} W
 * @param {number} n
 * @returns {Float64Array}
 */
export function singularValues(W, n) {
  checkInteger("n", n, 1);
  checkLength("W", W, n * n);
  const A = Float64Array.from(W);
  const rows = Array.from({ length: n }, (_, i) => A.subarray(i * n, (i + 1) * n));
  for (let sweep = 0, turned = true; turned && sweep < 40; sweep++) {
    turned = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [aa, bb, ab] = products(rows[p], rows[q]);
        if (Math.abs(ab) <= 1e-15 * Math.sqrt(aa * bb)) continue;
        turned = true;
        const ratio = (bb - aa) / (2 * ab);
        const t = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
        const c = 1 / Math.hypot(1, t);
        for (let i = 0; i < n; i++) {
          const [x, y] = [rows[p][i], rows[q][i]];
          rows[p][i] = c * (x - t * y);
          rows[q][i] = c * (t * x + y);
        }
      }
    }
  }
  return Float64Array.from(rows, (row) => Math.hypot(...row)).sort().reverse();
}

/**
 * An orthogonal matrix from W (n, n): its columns one after the other, each without what it shares with those before it.
 * It is Q of W = Q R with R's diagonal positive.
 *
 * @param {ArrayLike<number>} W  not singular
 * @param {number} n
 * @returns {Float64Array}
 */
export function orthogonal(W, n) {
  checkInteger("n", n, 1);
  checkLength("W", W, n * n);
  const Q = Float64Array.from(W);
  for (let j = 0; j < n; j++) {
    for (let again = 0; again < 2; again++) { // once more removes what rounding has left
      for (let k = 0; k < j; k++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += Q[i * n + k] * Q[i * n + j];
        for (let i = 0; i < n; i++) Q[i * n + j] -= dot * Q[i * n + k];
      }
    }
    let size = 0;
    for (let i = 0; i < n; i++) size = Math.hypot(size, Q[i * n + j]);
    for (let i = 0; i < n; i++) Q[i * n + j] /= size;
  }
  return Q;
}
