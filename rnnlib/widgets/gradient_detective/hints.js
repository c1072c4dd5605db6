/**
 * What a picked line of GradientDetective is answered: which gradients a fault in it could reach, and how its errors would
 * have looked. The reach of each line comes from gradient_detective/__init__.py.
 */

import { PARAMETERS } from "../engine/flat.js";
import { LINES, NONE } from "./cases.js";

/** The gradients that are checked. */
export const CHECKED_GRADIENTS = [...PARAMETERS, "h0"];

const REACH = Object.fromEntries(LINES.map(({ key, reach }) => [key, reach]));

const LAST_RIGHT = "detective_near_last_right";

const LAST_WRONG = "detective_near_last_wrong";

const ROADS = "detective_near_roads";

/** picked line -> line at fault -> the words that tell them apart, where faults in both reach the same gradients. */
const NEAR = {
  softmax: { mean: "detective_near_factor" },
  error: { mean: "detective_near_factor", softmax: "detective_near_error" },
  mean: { softmax: "detective_near_mean" },
  state: { slope: "detective_near_backward", future: LAST_WRONG, back: LAST_WRONG },
  slope: { state: "detective_near_forward", future: LAST_WRONG, back: LAST_WRONG },
  future: { back: "detective_near_added", state: ROADS, slope: ROADS },
  back: { future: "detective_near_sent", state: LAST_RIGHT, slope: LAST_RIGHT },
  dWhh: { before: "detective_near_product" },
  before: { dWhh: "detective_near_states" },
};

/** The key of the words about a line that was picked and is right, and the gradients named in them.
 * @param {string} picked  a line, or NONE for none of them
 * @param {string[]} faults  the lines at fault
 * @param {string[]} wrong  the gradients that are wrong
 * @returns {{key: string, names?: string[], last?: boolean}}  last: they are about the last step */
export function hintFor(picked, faults, wrong) {
  if (picked === NONE) {
    return { key: !faults.length ? "detective_none_healthy" : wrong.length ? "detective_not_none" : "detective_unseen" };
  }
  const reach = REACH[picked];
  const beyond = wrong.filter((name) => !reach.includes(name));
  const missing = reach.filter((name) => !wrong.includes(name));
  if (!faults.length) return { key: "detective_nothing", names: reach };
  if (!wrong.length) return { key: "detective_unseen" };
  if (beyond.length && faults.length === 1) return { key: "detective_beyond", names: beyond };
  if (missing.length) return { key: "detective_missing", names: missing };
  const key = faults.map((fault) => NEAR[picked]?.[fault]).find(Boolean) ?? "detective_right";
  return { key, last: [LAST_RIGHT, LAST_WRONG, ROADS].includes(key) };
}

/** How the fingerprint of a line goes with what is wrong: "fits" where a fault in it alone would look so, "part" where it
 * would explain some of the wrong gradients, "not" where it would show in a gradient that is right.
 * @param {string[]} reach
 * @param {string[]} wrong */
export function fitOf(reach, wrong) {
  if (!reach.every((name) => wrong.includes(name))) return "not";
  return reach.length === wrong.length ? "fits" : "part";
}

/** The key of the words about all lines together, and the places in LINES that they name.
 * @param {string[]} wrong
 * @returns {{key: string, at: number[]}} */
export function comparison(wrong) {
  const at = (fit) => LINES.map(({ reach }, i) => (fitOf(reach, wrong) === fit ? i + 1 : 0)).filter(Boolean);
  const [fits, part] = [at("fits"), at("part")];
  if (!wrong.length) return { key: "detective_compared_right", at: [] };
  if (fits.length) return { key: fits.length > 1 ? "detective_compared_fit" : "detective_compared_one", at: fits };
  if (part.length) return { key: "detective_compared_part", at: part };
  return { key: "detective_compared_none", at: [] };
}
