/** Products of a row and a matrix W (rows of it stored one after the other), each added to what is there; and argmax. */

/** out += row W. W is read in the order in which it is stored, four rows at a time, which takes half as long
 * as one. */
export function addProduct(out, row, W) {
  const n = out.length;
  const K = row.length;
  for (let k = 0; k < K; k += 4) {
    const r0 = k * n;
    const r1 = k + 1 < K ? r0 + n : r0;
    const r2 = k + 2 < K ? r1 + n : r0;
    const r3 = k + 3 < K ? r2 + n : r0;
    const x0 = row[k]; // a row beyond the last one counts zero times, with the first of the four in its place
    const x1 = k + 1 < K ? row[k + 1] : 0;
    const x2 = k + 2 < K ? row[k + 2] : 0;
    const x3 = k + 3 < K ? row[k + 3] : 0;
    for (let j = 0; j < n; j++) out[j] += x0 * W[r0 + j] + x1 * W[r1 + j] + (x2 * W[r2 + j] + x3 * W[r3 + j]);
  }
}

/** out += row Wᵀ. Four rows of W at a time: no sum waits for another. Where they do not come out even, the last row of W is
 * taken more than once, and counts once. */
export function addTransposedProduct(out, row, W) {
  const n = row.length;
  const last = out.length - 1;
  for (let k = 0; k <= last; k += 4) {
    const [k1, k2, k3] = [Math.min(k + 1, last), Math.min(k + 2, last), Math.min(k + 3, last)];
    const [r0, r1, r2, r3] = [k * n, k1 * n, k2 * n, k3 * n];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = 0; j < n; j++) {
      const value = row[j];
      s0 += value * W[r0 + j];
      s1 += value * W[r1 + j];
      s2 += value * W[r2 + j];
      s3 += value * W[r3 + j];
    }
    out[k] += s0;
    if (k1 > k) out[k1] += s1;
    if (k2 > k1) out[k2] += s2;
    if (k3 > k2) out[k3] += s3;
  }
}

/** out = A Bᵀ, of matrices (n, n). Two rows by two at a time; where they do not come out even, some are computed again. */
export function timesTransposed(out, A, B, n) {
  const last = n * (n - 1);
  for (let a = 0; a <= last; a += 2 * n) {
    const nextA = Math.min(a + n, last);
    for (let b = 0; b <= last; b += 2 * n) {
      const nextB = Math.min(b + n, last);
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let j = 0; j < n; j++) {
        const x0 = A[a + j];
        const x1 = A[nextA + j];
        const y0 = B[b + j];
        const y1 = B[nextB + j];
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      out[a + b / n] = s00;
      out[a + nextB / n] = s01;
      out[nextA + b / n] = s10;
      out[nextA + nextB / n] = s11;
    }
  }
}

/** dW += rowᵀ dz. */
export function addOuterProduct(dW, row, dz) {
  const n = dz.length;
  for (let k = 0; k < row.length; k++) {
    for (let j = 0; j < n; j++) dW[k * n + j] += row[k] * dz[j];
  }
}

/** Back through the product z = row W, given dz: dRow += dz Wᵀ and dW += rowᵀ dz, two rows at a time too. */
export function addProductGradients(dRow, dW, dz, row, W) {
  const n = dz.length;
  for (let k = 0; k < row.length; k += 2) {
    const pair = k + 1 < row.length;
    const first = k * n;
    const second = pair ? first + n : first;
    const factor1 = row[k];
    const factor2 = pair ? row[k + 1] : 0;
    let sum1 = 0;
    let sum2 = 0;
    for (let j = 0; j < n; j++) {
      const d = dz[j];
      sum1 += d * W[first + j];
      sum2 += d * W[second + j];
      dW[first + j] += factor1 * d;
      dW[second + j] += factor2 * d;
    }
    dRow[k] += sum1;
    if (pair) dRow[k + 1] += sum2;
  }
}

/** The place of the largest number of array[start:end], counted from start; of equal ones the first. */
export function argmax(array, start = 0, end = array.length) {
  let best = start;
  for (let i = start; i < end; i++) if (array[i] > array[best]) best = i;
  return best - start;
}
