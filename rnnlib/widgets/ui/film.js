/** A button that plays a few phases one after the other. A press holds them and the next one goes on; anything else that the
 * reader does ends them. */

import { make, setText } from "./dom.js";

/** Where a film is after so many ms: the phase, and which part of it has passed; null when all phases are over.
 * @param {[string, number][]} phases each with its length in ms
 * @returns {null | [string, number]} */
export function sceneAt(phases, passed) {
  let left = passed;
  for (const [phase, length] of phases) {
    if (left < length) return [phase, left / length];
    left -= length;
  }
  return null;
}

export const wantsNoMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * @param {{words: any, phases: [string, number][], show: (phase: string, part: number) => void,
 *   end: (finished: boolean) => void}} film
 * phases: each with its length in ms; show(phase, part): draw the phase at part 0 … 1 of it. Where the reader wants no
 * motion, nothing is shown but the end
 */
export function buildFilm({ words, phases, show, end }) {
  const node = make("button", { type: "button", className: "rnn-button rnn-play" });
  let frame = 0; // of the running film
  let passed = null; // ms of a film that has begun and not ended
  const label = (playing) => {
    setText(node, words(playing ? "pause" : "play"));
    node.setAttribute("aria-pressed", String(playing));
  };
  const hold = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    label(false);
  };
  const stop = (finished = false) => {
    if (passed === null) return;
    hold();
    passed = null;
    end(finished);
  };
  const play = () => {
    if (frame) return hold();
    if (wantsNoMotion()) return end(true);
    label(true);
    passed ??= 0;
    let last;
    const next = (now) => {
      passed += now - (last ?? now);
      last = now;
      const scene = sceneAt(phases, passed);
      if (!scene) return stop(true);
      show(...scene);
      frame = requestAnimationFrame(next);
    };
    frame = requestAnimationFrame(next);
  };
  node.addEventListener("click", play);
  label(false);
  return { node, play, stop: () => stop() };
}

/** Act once, when half of a node is in sight, or when it fills half of the window.
 * @returns {() => void} do not, if it has not been done */
export function whenSeen(node, act) {
  const threshold = Array.from({ length: 21 }, (_, i) => i / 20);
  const observer = new IntersectionObserver((entries) => {
    const { intersectionRect: seen, boundingClientRect: all, rootBounds } = /** @type {IntersectionObserverEntry} */ (entries.at(-1));
    if (!all.height || 2 * seen.height < Math.min(all.height, rootBounds?.height ?? Infinity)) return;
    observer.disconnect();
    act();
  }, { threshold });
  observer.observe(node);
  return () => observer.disconnect();
}
