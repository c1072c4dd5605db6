/**
 * What a picked line of GradientDetective is answered: which gradients a fault in it could reach, and how its errors would
 * have looked.
 */

import { PARAMETERS } from "../engine/flat.js";

/** The gradients that are checked. */
export const CHECKED_GRADIENTS = [...PARAMETERS, "h0"];

const THROUGH_STATES = ["Wxh", "Whh", "bh", "h0"];

const REACH = {
  state: THROUGH_STATES, softmax: CHECKED_GRADIENTS, error: CHECKED_GRADIENTS, mean: CHECKED_GRADIENTS,
  future: THROUGH_STATES, slope: THROUGH_STATES, back: THROUGH_STATES, before: ["Whh"], dWhh: ["Whh"], dbh: ["bh"],
};

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
 * @param {string} picked
 * @param {string} fault  the line at fault; "" where no line is
 * @param {string[]} wrong  the gradients that are wrong
 * @returns {{key: string, names?: string[], last?: boolean}}  last: they are about the last step */
export function hintFor(picked, fault, wrong) {
  const reach = REACH[picked];
  const beyond = wrong.filter((name) => !reach.includes(name));
  const missing = reach.filter((name) => !wrong.includes(name));
  if (!fault) return { key: "detective_nothing", names: reach };
  if (!wrong.length) return { key: "detective_unseen" };
  if (beyond.length) return { key: "detective_beyond", names: beyond };
  if (missing.length) return { key: "detective_missing", names: missing };
  const key = NEAR[picked][fault];
  return { key, last: [LAST_RIGHT, LAST_WRONG, ROADS].includes(key) };
}
