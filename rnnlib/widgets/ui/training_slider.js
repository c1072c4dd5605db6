/** The slider over the updates of a network that learns its own text. */

import { UPDATES } from "../model/training.js";
import { slider } from "./fields.js";

/** choose(updates): the reader has moved it. */
export function trainingSlider(words, choose) {
  const updates = slider(words, "river_updates", 0, UPDATES);
  updates.control.addEventListener("input", ({ target }) => choose(Number(target.value)));
  return {
    node: updates.node,
    draw: (state) => updates.show(state.updates, words("of", { t: state.updates, T: UPDATES })),
  };
}
