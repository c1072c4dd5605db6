/**
 * Texts whose difficulty is a lag; see tasks.py. A task is {text, recalled, steps}.
 *
 * @typedef {{uniform: (low: number, high: number, n: number) => Float64Array}} Generator
 * @typedef {{text: string, recalled: string, steps: number}} Task
 */

import { checkInteger, wrongArgument } from "./checks.js";

const LENGTH = 2000; // of a text, at most

const [OPENING, CLOSING] = ["([{<", ")]}>"];

const SUMS = "⓪①②③④";

const pick = (signs, u) => signs[Math.floor(signs.length * u)];

/** What each kind draws, how long a line is, what may be recalled, and a line from numbers in [0, 1). */
const KINDS = {
  recall: {
    argument: "fillers", draws: (n) => n + 1, steps: (n) => n + 4, signs: "ABCD",
    line(n, u) {
      const letter = pick("abcd", u[0]);
      return `${letter}${Array.from(u.subarray(1), (each) => pick("wxyz", each)).join("")}?${letter.toUpperCase()}\n`;
    },
  },
  brackets: {
    argument: "depth", draws: (n) => n, steps: (n) => 2 * n + 1, signs: CLOSING,
    line(n, u) {
      const opened = Array.from(u, (each) => pick(OPENING, each));
      return `${[...opened, ...opened.map((sign) => CLOSING[OPENING.indexOf(sign)]).reverse()].join("")}\n`;
    },
  },
  sums: {
    argument: "fillers", draws: () => 4, steps: (n) => n + 5, signs: SUMS,
    line(n, u) {
      const signs = Array(n + 2).fill(".");
      const [first, second] = [Math.floor((n + 2) * u[0]), Math.floor((n + 1) * u[1])];
      const [one, other] = [Math.floor(3 * u[2]), Math.floor(3 * u[3])];
      signs[first] = one;
      signs[second + (second >= first ? 1 : 0)] = other;
      return `${signs.join("")}=${SUMS[one + other]}\n`;
    },
  },
};

/** The kinds of tasks: recall, brackets, sums. */
export const TASKS = Object.keys(KINDS);

/**
 * The task that the function of this name in tasks.py gives for this size, which is at least 1, and numbers of this generator.
 *
 * @param {string} kind  one of `TASKS`
 * @param {number} n  the fillers, or the depth
 * @param {Generator} rng
 * @param {number} [length]
 * @returns {Task}
 */
export function makeTask(kind, n, rng, length = LENGTH) {
  if (!Object.hasOwn(KINDS, kind)) throw wrongArgument("kind", `one of ${TASKS.join(", ")}`, kind);
  const { argument, draws, steps, signs, line } = KINDS[kind];
  checkInteger(argument, n, 1);
  checkInteger("length", length, steps(n));
  const lines = Array.from({ length: Math.floor(length / steps(n)) }, () => line(n, rng.uniform(0, 1, draws(n))));
  const text = lines.join("");
  return { text, recalled: [...signs].filter((sign) => text.includes(sign)).join(""), steps: steps(n) };
}

/** The size for which a task of this kind has lines of so many characters; none where there is no such size. */
export function sizeOfTask(kind, steps) {
  let n = 1;
  while (KINDS[kind].steps(n) < steps) n += 1;
  return KINDS[kind].steps(n) === steps ? n : undefined;
}
