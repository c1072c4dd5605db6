/** Cards of which one is in sight, and a tab for each of them. */

import { make } from "./dom.js";
import { roving } from "./keys.js";

/**
 * @param {{label: string, cards: [string, HTMLElement][], changed?: () => void}} given
 * cards: the name and the node of each; changed(): another one is in sight
 */
export function buildTabs({ label, cards, changed = () => {} }) {
  let current = 0;
  const tabs = cards.map(([name, card], i) => {
    const tab = make("button", { type: "button", className: "rnn-tab", role: "tab" }, name);
    tab.addEventListener("click", () => go(i));
    card.classList.add("rnn-card");
    card.setAttribute("role", "tabpanel");
    card.setAttribute("aria-label", name);
    return tab;
  });
  const list = make("div", { className: "rnn-tablist", role: "tablist" }, ...tabs);
  list.setAttribute("aria-label", label);
  roving(list, () => [current, tabs.length], go, (i) => tabs[i]);

  function show() {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === current));
      tab.tabIndex = i === current ? 0 : -1;
      cards[i][1].hidden = i !== current;
    });
  }

  function go(i) {
    if (i === current) return;
    current = i;
    show();
    changed();
  }
  show();
  return { node: make("div", { className: "rnn-tabs" }, list, ...cards.map(([, card]) => card)), current: () => current };
}
