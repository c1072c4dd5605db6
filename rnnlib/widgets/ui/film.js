/** A button that plays a few phases one after the other, and stops at the next press or at anything the reader does. */

import { make, setText } from "./dom.js";

/**
 * @param {{words: any, phases: [string, number][], show: (phase: string, part: number) => void,
 *   end: (finished: boolean) => void}} film
 * phases: each with its length in ms; show(phase, part): draw the phase at part 0 … 1 of it. Where the reader wants no
 * motion, nothing is shown but the end
 */
export function buildFilm({ words, phases, show, end }) {
  const node = make("button", { type: "button", className: "rnn-button rnn-play" }, words("play"));
  let frame = 0; // of the running film
  const label = (playing) => {
    setText(node, words(playing ? "pause" : "play"));
    node.setAttribute("aria-pressed", String(playing));
  };
  const stop = (finished = false) => {
    if (!frame) return;
    cancelAnimationFrame(frame);
    frame = 0;
    label(false);
    end(finished);
  };
  const play = () => {
    if (frame) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return end(true);
    label(true);
    let start;
    const next = (now) => {
      start ??= now;
      let passed = now - start;
      for (const [phase, length] of phases) {
        if (passed < length) {
          show(phase, passed / length);
          frame = requestAnimationFrame(next);
          return;
        }
        passed -= length;
      }
      stop(true);
    };
    frame = requestAnimationFrame(next);
  };
  node.addEventListener("click", play);
  label(false);
  return { node, play, stop: () => stop() };
}
