/**
 * Keys pressed in a figure stay in it. A notebook listens to the keys of its whole page, before any figure does, and in its
 * command mode an arrow moves to another cell, `b` inserts one and `d d` deletes the one with the figure in it. What is
 * pressed on a node with this attribute it leaves alone; on an ancestor alone the attribute does not help.
 */

import { copyPlain } from "./plain_copy.js";

const UNHEARD = "data-lm-suppress-shortcuts";

/** To save is the notebook's, wherever the focus is; the browser would save the page instead. */
const saves = ({ key, ctrlKey, metaKey }) => (ctrlKey || metaKey) && key.toLowerCase() === "s";

/** A figure's module: what it draws, its keys kept in it, and what is copied from it as plain text. `render` returns a clean-up. */
export function figure(render) {
  return {
    render(given) {
      const { el } = given;
      const forget = render(given);
      const uncopy = copyPlain(el);
      // listeners of the window run before those of the document, where the notebook listens
      const hold = (event) => {
        const [target] = event.composedPath(); // of the window's own view, a shadow tree is one node
        if (!el.contains(target)) return;
        if (!saves(event)) return target.setAttribute(UNHEARD, "true");
        for (let node = target; node !== el.parentNode; node = node.parentNode) node.removeAttribute(UNHEARD);
      };
      // a press on what takes no focus would give it to the cell: here, it goes to the figure
      const take = () => {
        if (el.closest(".jp-Notebook")) Object.assign(el, { tabIndex: -1 }).style.outline = "none";
      };
      el.addEventListener("pointerdown", take);
      globalThis.addEventListener?.("keydown", hold, true);
      return () => {
        globalThis.removeEventListener?.("keydown", hold, true);
        el.removeEventListener("pointerdown", take);
        uncopy();
        forget();
      };
    },
  };
}

/** Let arrow keys, Home and End move along places 0 … n - 1 inside a node, and the focus with them once it is drawn.
 * place() gives [current, n], or no n while nothing is shown; nodeAt(i) is what is focused there. */
export function roving(node, place, go, nodeAt) {
  node.addEventListener("keydown", (event) => {
    const [current, n] = place();
    const to = {
      ArrowRight: current + 1, ArrowDown: current + 1, ArrowLeft: current - 1, ArrowUp: current - 1, Home: 0, End: n - 1,
    }[event.key];
    if (to === undefined || !n || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = Math.min(n - 1, Math.max(0, to));
    go(next);
    queueMicrotask(() => nodeAt(next)?.focus({ preventScroll: true }));
  });
}
