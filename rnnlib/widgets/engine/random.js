/** The generator `numpy.random.default_rng`: a seed gives the weights here that it gives in Python. */

import { checkInteger, wrongArgument } from "./checks.js";

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

const [M0, M1, M2, M3, M4, M5] = pcgDigits(PCG_MULTIPLIER);

const BASE = 2 ** 22;

/** One step of PCG64 on the digits `s` of its state, in place: state = state · multiplier + increment, modulo 2^128.
 *
 * Long multiplication: BigInt would take ten times as long, loops twice as long. Six digits hold 132 bits; the upper four
 * never move down, so that the rest is right modulo 2^128. */
function advance(s, increment) {
  let sum = s[0] * M0 + increment[0];
  let carry = Math.floor(sum / BASE);
  const s0 = sum - carry * BASE;
  sum = s[0] * M1 + s[1] * M0 + increment[1] + carry;
  carry = Math.floor(sum / BASE);
  const s1 = sum - carry * BASE;
  sum = s[0] * M2 + s[1] * M1 + s[2] * M0 + increment[2] + carry;
  carry = Math.floor(sum / BASE);
  const s2 = sum - carry * BASE;
  sum = s[0] * M3 + s[1] * M2 + s[2] * M1 + s[3] * M0 + increment[3] + carry;
  carry = Math.floor(sum / BASE);
  const s3 = sum - carry * BASE;
  sum = s[0] * M4 + s[1] * M3 + s[2] * M2 + s[3] * M1 + s[4] * M0 + increment[4] + carry;
  carry = Math.floor(sum / BASE);
  const s4 = sum - carry * BASE;
  sum = s[0] * M5 + s[1] * M4 + s[2] * M3 + s[3] * M2 + s[4] * M1 + s[5] * M0 + increment[5] + carry;
  const s5 = sum - Math.floor(sum / BASE) * BASE;
  s[0] = s0;
  s[1] = s1;
  s[2] = s2;
  s[3] = s3;
  s[4] = s4;
  s[5] = s5;
}

/** The output of PCG64 for a state, as a double in [0, 1): the upper 53 of its 64 bits. */
function outputOf(s) {
  const [s0, s1, s2, s3, s4, s5] = [s[0], s[1], s[2], s[3], s[4], s[5]]; // faster than an iterator over `s`
  // The two halves of the state xored, then rotated to the right by the upper six of the 128 bits.
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

/**
 * The generator `numpy.random.default_rng(seed)`, bit for bit: PCG64 (XSL-RR 128/64) seeded through SeedSequence.
 *
 * `uniform(low, high, n)` gives the n numbers that `rng.uniform(low, high, n)` would, and moves on as it does.
 *
 * @typedef {{uniform: (low: number, high: number, n: number) => Float64Array}} Generator
 *
 * @param {number | bigint} seed  a non-negative integer; as a Number at most 2^53 - 1
 * @returns {Generator}
 */
export function generator(seed) {
  if (!(typeof seed === "bigint" || Number.isSafeInteger(seed)) || seed < 0) {
    throw wrongArgument("seed", "a non-negative integer, above 2^53 - 1 as a BigInt", seed);
  }
  const [stateHigh, stateLow, sequenceHigh, sequenceLow] = seedSequenceState(seed);
  const increment = (((sequenceHigh << 64n) | sequenceLow) << 1n) | 1n;
  const incrementDigits = pcgDigits(increment);
  // PCG starts from zero: one step, add the seed, another step.
  const state = pcgDigits((increment + ((stateHigh << 64n) | stateLow)) * PCG_MULTIPLIER + increment);

  return {
    uniform(low, high, n) {
      if (!Number.isFinite(low)) throw wrongArgument("low", "a finite number", low);
      if (!Number.isFinite(high)) throw wrongArgument("high", "a finite number", high);
      checkInteger("n", n, 0);
      const drawn = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        advance(state, incrementDigits);
        drawn[i] = low + (high - low) * outputOf(state);
      }
      return drawn;
    },
  };
}
