/** Whether the page around a figure is dark, and when that changes. */

import { make } from "./dom.js";

/** Is the page dark around this element? The style sheet knows every host's way of saying so. A notebook puts a figure into
 * its page after the first drawing: until then, an element that is added for this moment is asked instead. */
export function isDark(node) {
  if (node.isConnected === false) {
    const there = document.body.appendChild(make("div", { className: "rnn", hidden: true }));
    const dark = isDark(there);
    there.remove();
    return dark;
  }
  return getComputedStyle(node).getPropertyValue("--rnn-dark").trim() === "1";
}

/** Call back when the page turns dark or light; returns a clean-up. */
export function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  const attributes = { attributes: true, attributeFilter: ["class", "data-theme", "data-mode", "data-jp-theme-light"] };
  observer.observe(document.documentElement, attributes);
  observer.observe(document.body, attributes);
  return () => observer.disconnect();
}
