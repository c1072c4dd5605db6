/**
 * The numerics of every view: the vanilla recurrent network of text.py, rnn.py, loss.py and bptt.py, function by
 * function and in the same names, for one sequence at a time (B = 1). Nothing here touches the page.
 *
 * Matrices are row-major `Float64Array`s: entry (i, j) of Whh is `Whh[i * H + j]`, and row t of h starts at `t * H`.
 * Steps count from zero, as in Python. Wrong input throws a RangeError that names the argument, what was expected and
 * what came, before anything is computed.
 *
 * @typedef {{V: number, H: number, Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array,
 *   by: Float64Array}} Params  Wxh (V, H), Whh (H, H), Why (H, V), bh (H), by (V)
 * @typedef {{T: number, ids: Int32Array, h0: Float64Array, a: Float64Array, h: Float64Array, o: Float64Array,
 *   yhat: Float64Array}} Trace  h0 (H); a, h (T, H); o, yhat (T, V)
 * @typedef {{Wxh: Float64Array, Whh: Float64Array, Why: Float64Array, bh: Float64Array, by: Float64Array,
 *   h0: Float64Array, do: Float64Array, dh: Float64Array, da: Float64Array}} Grads  sums over the steps in the shapes
 *   of Params; h0 (H); per step do (T, V), dh and da (T, H)
 * @typedef {"mean" | "sum"} Reduction
 */

// --- checks of arguments --------------------------------------------------------------------------------------------

function wrongArgument(name, expected, value) {
  const got = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new RangeError(`${name}: expected ${expected}, got ${got}`);
}

function checkInteger(name, value, low, high = Number.MAX_SAFE_INTEGER) {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    const upTo = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`;
    throw wrongArgument(name, `an integer ${upTo}`, value);
  }
}

function checkLength(name, array, length) {
  if (array?.length !== length) {
    throw wrongArgument(name, `an array of length ${length}`, array == null ? array : `length ${array.length}`);
  }
}

function checkIds(name, ids, V) {
  if (!(ids?.length > 0)) throw wrongArgument(name, "at least one id", ids == null ? ids : `length ${ids.length}`);
  for (let t = 0; t < ids.length; t++) checkInteger(`${name}[${t}]`, ids[t], 0, V - 1);
}

function checkTargets(y, T, V) {
  checkLength("y", y, T);
  checkIds("y", y, V);
}

function checkLogits(o, V) {
  checkInteger("V", V, 1);
  if (!(o?.length > 0) || o.length % V) {
    throw wrongArgument("o", `rows of ${V} logits, at least one`, o == null ? o : `length ${o.length}`);
  }
}

function checkReduction(reduction) {
  if (reduction !== "mean" && reduction !== "sum") throw wrongArgument("reduction", '"mean" or "sum"', reduction);
}

function checkParams(params) {
  const { V, H } = params ?? {};
  checkInteger("params.V", V, 1);
  checkInteger("params.H", H, 1);
  checkLength("params.Wxh", params.Wxh, V * H);
  checkLength("params.Whh", params.Whh, H * H);
  checkLength("params.Why", params.Why, H * V);
  checkLength("params.bh", params.bh, H);
  checkLength("params.by", params.by, V);
}

function checkTrace(trace, { V, H }) {
  checkInteger("trace.T", trace?.T, 1);
  checkLength("trace.ids", trace.ids, trace.T);
  checkIds("trace.ids", trace.ids, V);
  checkLength("trace.h0", trace.h0, H);
  for (const name of ["a", "h"]) checkLength(`trace.${name}`, trace[name], trace.T * H);
  for (const name of ["o", "yhat"]) checkLength(`trace.${name}`, trace[name], trace.T * V);
}

// --- text.py --------------------------------------------------------------------------------------------------------

/**
 * The distinct characters of `text`, sorted by code point; a character's id is its place in that order.
 *
 * @param {string} text
 * @returns {string[]}
 */
export function vocabulary(text) {
  // Strings iterate by code point, but compare by UTF-16 unit, which would put emoji before U+E000 to U+FFFF.
  return [...new Set(text)].sort((p, q) => p.codePointAt(0) - q.codePointAt(0));
}

/**
 * Ids of the characters of `text`. Throws an Error naming the characters that `vocab` lacks.
 *
 * @param {string[]} vocab  as `vocabulary` gives it
 * @param {string} text
 * @returns {Int32Array}
 */
export function encode(vocab, text) {
  const idOf = new Map(vocab.map((character, id) => [character, id]));
  const unknown = vocabulary(text).filter((character) => !idOf.has(character));
  if (unknown.length) {
    const names = unknown.map((character) => JSON.stringify(character)).join(", ");
    throw new Error(`text: expected only the ${vocab.length} characters of the vocabulary, got the unknown ${names}`);
  }
  return Int32Array.from([...text], (character) => idOf.get(character));
}

// --- numpy.random.default_rng ---------------------------------------------------------------------------------------

/** NumPy's SeedSequence(seed).generate_state(4, uint64): 256 well-mixed bits from an integer of any size. */
function seedSequenceState(seed) {
  const entropy = [];
  for (let rest = BigInt(seed); rest || !entropy.length; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn));

  let constant = 0x43b0d7e5;
  const hash = (value, multiplier) => {
    value ^= constant;
    constant = Math.imul(constant, multiplier);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const mix = (x, y) => {
    const mixed = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return mixed ^ (mixed >>> 16);
  };

  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0, 0x931e8875));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (to !== from) pool[to] = mix(pool[to], hash(pool[from], 0x931e8875));
  }
  for (const word of entropy.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word, 0x931e8875));
  }

  constant = 0x8b51f9dd;
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4], 0x58f38ded) >>> 0));
  return [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n)); // low word first
}

/** A 128-bit integer in six digits of 22 bits, lowest first: sums of products of digits are exact in a double. */
function pcgDigits(value) {
  return Float64Array.from({ length: 6 }, (_, i) => Number((value >> BigInt(22 * i)) & 0x3fffffn));
}

const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const PCG_MULTIPLIER_DIGITS = pcgDigits(PCG_MULTIPLIER);

/**
 * The generator `numpy.random.default_rng(seed)`, bit for bit: PCG64 (XSL-RR 128/64) seeded through SeedSequence.
 *
 * `uniform(low, high, n)` gives the n numbers that `rng.uniform(low, high, n)` would, and moves on as it does.
 *
 * @param {number | bigint} seed  a non-negative integer; as a Number at most 2^53 - 1
 * @returns {{uniform: (low: number, high: number, n: number) => Float64Array}}
 */
export function generator(seed) {
  if (!(typeof seed === "bigint" || Number.isSafeInteger(seed)) || seed < 0) {
    throw wrongArgument("seed", "a non-negative integer, above 2^53 - 1 as a BigInt", seed);
  }
  const [stateHigh, stateLow, sequenceHigh, sequenceLow] = seedSequenceState(seed);
  const increment = (((sequenceHigh << 64n) | sequenceLow) << 1n) | 1n;
  const [m0, m1, m2, m3, m4, m5] = PCG_MULTIPLIER_DIGITS;
  const inc = pcgDigits(increment);
  // PCG starts from zero: one step, add the seed, another step.
  const s = pcgDigits((increment + ((stateHigh << 64n) | stateLow)) * PCG_MULTIPLIER + increment);

  /** The next double in [0, 1): the upper 53 bits of the next 64. */
  function nextDouble() {
    // state = state · multiplier + increment, by long multiplication: BigInt would take ten times as long, loops twice
    // as long. Six digits hold 132 bits; the upper four never move down, so that the rest is right modulo 2^128.
    const base = 2 ** 22;
    let sum = s[0] * m0 + inc[0];
    let carry = Math.floor(sum / base);
    const s0 = sum - carry * base;
    sum = s[0] * m1 + s[1] * m0 + inc[1] + carry;
    carry = Math.floor(sum / base);
    const s1 = sum - carry * base;
    sum = s[0] * m2 + s[1] * m1 + s[2] * m0 + inc[2] + carry;
    carry = Math.floor(sum / base);
    const s2 = sum - carry * base;
    sum = s[0] * m3 + s[1] * m2 + s[2] * m1 + s[3] * m0 + inc[3] + carry;
    carry = Math.floor(sum / base);
    const s3 = sum - carry * base;
    sum = s[0] * m4 + s[1] * m3 + s[2] * m2 + s[3] * m1 + s[4] * m0 + inc[4] + carry;
    carry = Math.floor(sum / base);
    const s4 = sum - carry * base;
    sum = s[0] * m5 + s[1] * m4 + s[2] * m3 + s[3] * m2 + s[4] * m1 + s[5] * m0 + inc[5] + carry;
    const s5 = sum - Math.floor(sum / base) * base;
    s[0] = s0;
    s[1] = s1;
    s[2] = s2;
    s[3] = s3;
    s[4] = s4;
    s[5] = s5;
    // Output: the two halves xored, then rotated to the right by the upper six of the 128 bits.
    const rotation = (s5 >>> 12) & 63;
    const xorLow = s0 ^ (s1 << 22) ^ (s2 >>> 20) ^ (s3 << 2) ^ (s4 << 24);
    const xorHigh = (s1 >>> 10) ^ (s2 << 12) ^ (s4 >>> 8) ^ (s5 << 14);
    const low = rotation < 32 ? xorLow : xorHigh;
    const high = rotation < 32 ? xorHigh : xorLow;
    const r = rotation & 31;
    // A shift by 32 is one by 0 in JavaScript, so that shift is split in two.
    const rotatedLow = (low >>> r) | ((high << 1) << (31 - r));
    const rotatedHigh = (high >>> r) | ((low << 1) << (31 - r));
    return ((rotatedHigh >>> 0) * 2 ** 21 + (rotatedLow >>> 11)) * 2 ** -53;
  }

  return {
    uniform(low, high, n) {
      if (!Number.isFinite(low)) throw wrongArgument("low", "a finite number", low);
      if (!Number.isFinite(high)) throw wrongArgument("high", "a finite number", high);
      checkInteger("n", n, 0);
      const drawn = new Float64Array(n);
      for (let i = 0; i < n; i++) drawn[i] = low + (high - low) * nextDouble();
      return drawn;
    },
  };
}

// --- rnn.py ---------------------------------------------------------------------------------------------------------

/**
 * Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero: the same bits as
 * `init_params(V, H, rng=np.random.default_rng(seed))`.
 *
 * @param {number} V
 * @param {number} H
 * @param {number | bigint} seed
 * @returns {Params}
 */
export function initParams(V, H, seed) {
  checkInteger("V", V, 1);
  checkInteger("H", H, 1);
  const rng = generator(seed);
  const draw = (fanIn, fanOut) => rng.uniform(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), fanIn * fanOut);
  const Wxh = draw(V, H);
  const Whh = draw(H, H);
  const Why = draw(H, V);
  return { V, H, Wxh, Whh, Why, bh: new Float64Array(H), by: new Float64Array(V) };
}

/** out += row W. W is read in the order in which it is stored, two rows at a time, which takes two thirds as long. */
function addProduct(out, row, W) {
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

/**
 * Run the network over `ids` from the state `h0`:
 *
 *     a_t = x_t Wxh + h_{t-1} Whh + bh;  h_t = tanh(a_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)
 *
 * @param {Params} params
 * @param {ArrayLike<number>} ids  T ids, at least one; x_t Wxh is row ids[t] of Wxh
 * @param {ArrayLike<number> | null} [h0]  zeros unless given
 * @returns {Trace}
 */
export function forward(params, ids, h0 = null) {
  checkParams(params);
  const { V, H, Wxh, Whh, Why, bh, by } = params;
  checkIds("ids", ids, V);
  if (h0 !== null) checkLength("h0", h0, H);
  const T = ids.length;
  const start = new Float64Array(H);
  if (h0 !== null) start.set(h0);
  const a = new Float64Array(T * H);
  const h = new Float64Array(T * H);
  const o = new Float64Array(T * V);

  let hPrevious = start;
  for (let t = 0; t < T; t++) {
    const at = a.subarray(t * H, (t + 1) * H);
    const ht = h.subarray(t * H, (t + 1) * H);
    const ot = o.subarray(t * V, (t + 1) * V);
    for (let j = 0; j < H; j++) at[j] = Wxh[ids[t] * H + j] + bh[j];
    addProduct(at, hPrevious, Whh);
    for (let j = 0; j < H; j++) ht[j] = Math.tanh(at[j]);
    ot.set(by);
    addProduct(ot, ht, Why);
    hPrevious = ht;
  }
  return { T, ids: Int32Array.from(ids), h0: start, a, h, o, yhat: softmax(o, V) };
}

/**
 * The terms that make up one pre-activation: a_t[unit] = x + Σ_k h[k] + b.
 *
 * @param {Params} params
 * @param {Trace} trace
 * @param {number} t  from zero; the state before step zero is h0
 * @param {number} unit
 * @returns {{x: number, h: Float64Array, b: number, sum: number}}  h[k] is h_{t-1}[k] Whh[k, unit]; sum is a_t[unit]
 */
export function dotTerms(params, trace, t, unit) {
  checkParams(params);
  checkTrace(trace, params);
  checkInteger("t", t, 0, trace.T - 1);
  checkInteger("unit", unit, 0, params.H - 1);
  const { H, Wxh, Whh, bh } = params;
  const hPrevious = t ? trace.h.subarray((t - 1) * H, t * H) : trace.h0;
  return {
    x: Wxh[trace.ids[t] * H + unit],
    h: Float64Array.from(hPrevious, (value, k) => value * Whh[k * H + unit]),
    b: bh[unit],
    sum: trace.a[t * H + unit],
  };
}

// --- loss.py --------------------------------------------------------------------------------------------------------

// e^-700 is about 1e-304. Below it lie the subnormal numbers, on which many processors are a hundred times slower;
// beside the largest probability, which is at least 1 / V, they are nothing.
const LOWEST_EXPONENT = -700;

/** Write exp(o - max o) of the row of logits that starts at `at` into `out`, and return its maximum and sum. */
function shiftedExp(o, at, V, out) {
  let max = -Infinity;
  for (let j = at; j < at + V; j++) if (o[j] > max) max = o[j];
  let sum = 0;
  for (let j = at; j < at + V; j++) {
    const shifted = o[j] - max;
    out[j] = shifted < LOWEST_EXPONENT ? 0 : Math.exp(shifted);
    sum += out[j];
  }
  return { max, sum };
}

/**
 * ŷ = exp(o) / Σ exp(o), row by row. The largest logit is subtracted first, so that no exponential overflows.
 *
 * @param {Float64Array} o  rows of V logits
 * @param {number} V
 * @returns {Float64Array}
 */
export function softmax(o, V) {
  checkLogits(o, V);
  const yhat = new Float64Array(o.length);
  for (let at = 0; at < o.length; at += V) {
    const { sum } = shiftedExp(o, at, V, yhat);
    for (let j = at; j < at + V; j++) yhat[j] /= sum;
  }
  return yhat;
}

/**
 * log ŷ = o - log Σ exp(o), row by row.
 *
 * @param {Float64Array} o  rows of V logits
 * @param {number} V
 * @returns {Float64Array}
 */
export function logSoftmax(o, V) {
  checkLogits(o, V);
  const out = new Float64Array(o.length);
  for (let at = 0; at < o.length; at += V) {
    const { max, sum } = shiftedExp(o, at, V, out);
    const logSum = Math.log(sum);
    for (let j = at; j < at + V; j++) out[j] = o[j] - max - logSum;
  }
  return out;
}

/**
 * L_t = -log ŷ_t[y_t], in nats: the loss of every single prediction.
 *
 * @param {Float64Array} o  T rows of V logits
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} V
 * @returns {Float64Array}
 */
export function stepLosses(o, y, V) {
  checkLogits(o, V);
  checkTargets(y, o.length / V, V);
  const logYhat = logSoftmax(o, V);
  return Float64Array.from(y, (id, t) => -logYhat[t * V + id]);
}

/**
 * L = Σ_t L_t ("sum") or its mean over the steps ("mean"), in nats.
 *
 * @param {Float64Array} o  T rows of V logits
 * @param {ArrayLike<number>} y  T target ids
 * @param {number} V
 * @param {Reduction} [reduction]
 * @returns {number}
 */
export function crossEntropy(o, y, V, reduction = "mean") {
  checkReduction(reduction);
  const losses = stepLosses(o, y, V);
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return reduction === "mean" ? sum / losses.length : sum;
}

// --- bptt.py --------------------------------------------------------------------------------------------------------

/** Back through the product z = row W, given dz: dRow += dz Wᵀ and dW += rowᵀ dz, two rows at a time as above. */
function addProductGradients(dRow, dW, dz, row, W) {
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

/**
 * The gradient of `crossEntropy(trace.o, y, V, reduction)` in every parameter and in h0, in one pass back:
 *
 *     do_t = ŷ_t - y_t                      divided by T when the loss is the mean
 *     dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ
 *     da_t = dh_t ⊙ (1 - h_t²)
 *     dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
 *     dh0 = da_1 Whhᵀ
 *
 * @param {Params} params
 * @param {Trace} trace  what `forward(params, ids, h0)` returned
 * @param {ArrayLike<number>} y  T target ids
 * @param {Reduction} [reduction]
 * @returns {Grads}
 */
export function backward(params, trace, y, reduction = "mean") {
  checkParams(params);
  checkTrace(trace, params);
  checkReduction(reduction);
  const { V, H, Whh, Why } = params;
  const { T, ids, h0, h } = trace;
  checkTargets(y, T, V);

  const dWxh = new Float64Array(V * H);
  const dWhh = new Float64Array(H * H);
  const dWhy = new Float64Array(H * V);
  const dbh = new Float64Array(H);
  const dby = new Float64Array(V);
  const dh0 = new Float64Array(H);
  const dO = Float64Array.from(trace.yhat); // `do` is a reserved word
  const dh = new Float64Array(T * H);
  const da = new Float64Array(T * H);

  for (let t = 0; t < T; t++) dO[t * V + y[t]] -= 1;
  if (reduction === "mean") for (let i = 0; i < dO.length; i++) dO[i] /= T;

  for (let t = T - 1; t >= 0; t--) {
    const ht = h.subarray(t * H, (t + 1) * H);
    const doT = dO.subarray(t * V, (t + 1) * V);
    const dht = dh.subarray(t * H, (t + 1) * H); // already holds da_{t+1} Whhᵀ, from the step after
    const dat = da.subarray(t * H, (t + 1) * H);
    const hPrevious = t ? h.subarray((t - 1) * H, t * H) : h0;
    const dhPrevious = t ? dh.subarray((t - 1) * H, t * H) : dh0;

    for (let j = 0; j < V; j++) dby[j] += doT[j];
    addProductGradients(dht, dWhy, doT, ht, Why);
    for (let j = 0; j < H; j++) {
      dat[j] = dht[j] * (1 - ht[j] * ht[j]);
      dbh[j] += dat[j];
      dWxh[ids[t] * H + j] += dat[j];
    }
    addProductGradients(dhPrevious, dWhh, dat, hPrevious, Whh);
  }
  return { Wxh: dWxh, Whh: dWhh, Why: dWhy, bh: dbh, by: dby, h0: dh0, do: dO, dh, da };
}
