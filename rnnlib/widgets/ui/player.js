/** Buttons that step along places and play. */

import { make, setText } from "./dom.js";

const PLAY = 900; // time between two steps while playing, ms

/** Buttons that move along places 0 … n - 1, and play. `place()` gives [current, n], or nothing while nothing is shown;
 * `beat(n)` how many places it plays on at once, and after how many ms. Of what is returned, `by(steps)` goes on or back by so
 * many places and ends what plays, and `play` is what a press on its button does. */
export function player(
  words, place, go, names = { previous: "previous", next: "next" }, beat = (/** @type {number} */ _n) => [1, PLAY],
) {
  const button = (name, sign) => {
    const node = make("button", { type: "button", className: `rnn-button rnn-${name}`, title: words(names[name]) }, sign);
    node.setAttribute("aria-label", words(names[name]));
    return node;
  };
  const [previous, next] = [button("previous", "◀"), button("next", "▶")];
  const play = make("button", { type: "button", className: "rnn-button rnn-play" }, words("play"));
  let timer = 0;

  const by = (steps) => {
    const [current, n] = place() ?? [0, 0];
    if (n) go(Math.min(n - 1, Math.max(0, current + steps)));
  };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    setText(play, words("play"));
    play.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    const [current, n] = place() ?? [0, 0];
    if (timer || n < 2) return pause();
    if (current === n - 1) go(0);
    const [places, time] = beat(n);
    timer = setInterval(() => {
      const [now, size] = place();
      if (now < size - 1) go(Math.min(size - 1, now + places));
      else pause();
    }, time);
    setText(play, words("pause"));
    play.setAttribute("aria-pressed", "true");
  };
  previous.addEventListener("click", () => by(-1));
  next.addEventListener("click", () => by(1));
  play.addEventListener("click", start);
  pause();

  /** Not `disabled`: that would take the focus away from a reader who pressed the button once too often. */
  const draw = () => {
    const [current, n] = place();
    previous.setAttribute("aria-disabled", String(current === 0));
    next.setAttribute("aria-disabled", String(current === n - 1));
    play.setAttribute("aria-disabled", String(n === 1));
  };
  const walk = (steps) => {
    pause();
    by(steps);
  };
  return { nodes: [play, previous, next], play: start, by: walk, pause, draw };
}
