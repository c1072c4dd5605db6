/** Cards of which one is in sight, and a tab for each of them. */

import { make } from "./dom.js";
import { roving } from "./keys.js";

/**
 * @param {{label: string, cards: [string, HTMLElement][], choose: (i: number) => void}} given
 * cards: the name and the node of each; choose(i): the reader asks for another one, which `show` brings in sight
 */
export function buildTabs({ label, cards, choose }) {
  let current = 0;
  const go = (i) => i !== current && choose(i);
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

  function show(i) {
    current = i;
    tabs.forEach((tab, k) => {
      tab.setAttribute("aria-selected", String(k === i));
      tab.tabIndex = k === i ? 0 : -1;
      cards[k][1].hidden = k !== i;
    });
  }
  show(0);
  return { nodes: [list, ...cards.map(([, card]) => card)], current: () => current, show };
}
