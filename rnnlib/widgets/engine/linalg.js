/** Products of a row and a matrix W (rows of it stored one after the other), each added to what is there; and argmax. */

/** out += row W. W is read in the order in which it is stored, two rows at a time, which takes two thirds as long. */
export function addProduct(out, row, W) {
  const n = out.length;
  for (let k = 0; k < row.length; k += 2) {
    const pair = k + 1 < row.length; // an odd last row counts with itself, zero times
    const first = k * n;
    const second = pair ? first + n : first;
    const factor1 = row[k];
    const factor2 = pair ? row[k + 1] : 0;
    for (let j = 0; j < n; j++) out[j] += factor1 * W[first + j] + factor2 * W[second + j];
  }
}

/** out += row Wᵀ. */
export function addTransposedProduct(out, row, W) {
  const n = row.length;
  for (let k = 0; k < out.length; k++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += row[j] * W[k * n + j];
    out[k] += sum;
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
