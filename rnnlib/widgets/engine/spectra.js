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

/** Turn the rows of A (n, n) from k on by a reflection, so that one number is left of their part of column k, which is
 * returned; of A only the columns behind that one are written. sums: room for n numbers. */
function reflectRows(A, n, k, sums) {
  let squares = 0;
  for (let i = k; i < n; i++) squares += A[i * n + k] * A[i * n + k];
  const size = Math.sqrt(squares);
  const head = A[k * n + k];
  const left = head < 0 ? size : -size;
  const half = size * (size + Math.abs(head));
  if (half === 0) return 0;
  A[k * n + k] = head - left;
  sums.fill(0);
  for (let i = k; i < n; i++) {
    const v = A[i * n + k];
    for (let j = k + 1; j < n; j++) sums[j] += v * A[i * n + j];
  }
  for (let i = k; i < n; i++) {
    const v = A[i * n + k] / half;
    for (let j = k + 1; j < n; j++) A[i * n + j] -= v * sums[j];
  }
  return left;
}

/** The same for the columns behind k and row k. */
function reflectColumns(A, n, k) {
  const from = k + 1;
  const row = k * n;
  let squares = 0;
  for (let j = from; j < n; j++) squares += A[row + j] * A[row + j];
  const size = Math.sqrt(squares);
  const head = A[row + from];
  const left = head < 0 ? size : -size;
  const half = size * (size + Math.abs(head));
  if (half === 0) return 0;
  A[row + from] = head - left;
  for (let i = from * n; i < n * n; i += n) {
    let dot = 0;
    for (let j = from; j < n; j++) dot += A[i + j] * A[row + j];
    dot /= half;
    for (let j = from; j < n; j++) A[i + j] -= dot * A[row + j];
  }
  return left;
}

/** How many singular values of a bidiagonal matrix are below x > 0. squares: those of its numbers d1, e1, d2, e2, …, dn, which
 * are beside the diagonal of a matrix of twice its size with the eigenvalues ±σ; the signs of that one's pivots count them. */
function countBelow(squares, x) {
  let pivot = -x;
  let count = -(squares.length - 1) / 2; // without the eigenvalues -σ
  for (let k = 0; k < squares.length; k++) {
    pivot = -x - squares[k] / (pivot || Number.MIN_VALUE);
    if (pivot < 0) count++;
  }
  return count;
}

/** The i-th smallest singular value of such a matrix, from 1, at most `high`: to a rounding of `high`. */
function bisect(squares, i, high) {
  let from = 0;
  let to = high;
  while (to - from > high * Number.EPSILON) {
    const middle = (from + to) / 2;
    if (countBelow(squares, middle) >= i) to = middle;
    else from = middle;
  }
  return to;
}

/**
 * The largest and the smallest singular value of W (n, n): by reflections W gets a bidiagonal form, whose singular values
 * are counted. The error of both is some roundings of the largest one.
 *
 * @param {ArrayLike<number>} W
 * @param {number} n
 * @returns {[number, number]}
 */
export function extremeSingularValues(W, n) {
  checkInteger("n", n, 1);
  checkLength("W", W, n * n);
  let most = 0;
  for (let i = 0; i < n * n; i++) most = Math.max(most, Math.abs(W[i]));
  if (most === 0) return [0, 0];
  const A = Float64Array.from(W);
  for (let i = 0; i < n * n; i++) A[i] /= most; // or squares of small numbers would vanish
  const [squares, sums] = [new Float64Array(2 * n - 1), new Float64Array(n)];
  for (let k = 0; k < n; k++) {
    squares[2 * k] = reflectRows(A, n, k, sums) ** 2;
    if (k < n - 1) squares[2 * k + 1] = reflectColumns(A, n, k) ** 2;
  }
  const largest = bisect(squares, n, 2 * Math.sqrt(Math.max(...squares)));
  return [most * largest, most * bisect(squares, 1, largest)];
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
