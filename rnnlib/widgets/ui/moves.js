/** The moves of a step as a list of buttons, and with the current one its equations and its lines of code. */

import { batchUpdates, make, setText } from "./dom.js";
import { bindModel, field } from "./fields.js";
import { wordsFor } from "./messages.js";
import { player } from "./player.js";

const TEMPOS = ["back_tempo_move", "back_tempo_step", "back_tempo_whole"];
const BEAT = 900; // ms
const WHOLE = 4000; // ms for the whole way

/**
 * say(contents) gives each move its equations, which are nodes, and its code; mark(i) shows that move i is the current one.
 *
 * @param {{label: string, names: string[], choose: (i: number) => void}} given
 */
export function moveList({ label, names, choose }) {
  const items = names.map((name, i) => {
    const equations = make("span", { className: "rnn-move-equations" });
    const code = make("code", { className: "rnn-move-code" });
    const button = make("button", { type: "button", className: "rnn-move" }, name);
    button.addEventListener("click", () => choose(i));
    return { node: make("li", {}, button, make("span", { className: "rnn-move-said" }, equations, code)), button, equations, code };
  });
  const node = make("ol", { className: "rnn-moves" }, ...items.map((item) => item.node));
  node.setAttribute("aria-label", label);
  return {
    node, items,
    say(contents) {
      contents.forEach(([equations, code], i) => {
        items[i].equations.replaceChildren(...equations.flatMap((equation) => [equation, " "]));
        setText(items[i].code, code);
      });
    },
    mark(current) {
      items.forEach(({ node: item, button }, i) => {
        item.classList.toggle("rnn-lit", i === current);
        if (i === current) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      });
    },
  };
}

/**
 * The buttons that go through all moves of all steps, at one of three tempos.
 *
 * @param {{words: any, place: () => [number, number] | undefined, go: (place: number) => void, moves: number}} given
 * place(): [current, number of places]; moves: places in a step
 */
export function walkPlayer({ words, place, go, moves }) {
  const tempo = field(words, "back_tempo", make("select", {},
    ...TEMPOS.map((value) => make("option", { value }, words(value)))));
  const beat = (n) => {
    if (tempo.control.value === "back_tempo_move") return [1, BEAT];
    if (tempo.control.value === "back_tempo_step") return [moves, BEAT];
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? [n, 0] : [moves, (moves * WHOLE) / n];
  };
  const buttons = player(words, place, go, { previous: "back_previous", next: "back_next" }, beat);
  tempo.control.addEventListener("change", buttons.pause);
  return {
    node: make("div", { className: "rnn-steps" }, ...buttons.nodes, tempo.node),
    draw: buttons.draw,
    pause: buttons.pause,
    play: buttons.play,
    by: buttons.by,
  };
}

/** What a walk begins with: its words, its player, and `change`, which sets traits and ends what plays. `given` is handed to
 * the parts that are built. traits: what it is drawn from; shown(): the state that is drawn. */
export function beginWalk({ model, el, traits, draw, shown, buildSteps }) {
  const words = wordsFor(el);
  const schedule = batchUpdates(draw);
  const { change: jump, forget } = bindModel(model, traits, schedule);
  const steps = buildSteps({ words, jump, shown });
  const change = (changed) => {
    steps.pause(); // whatever the reader does ends what plays
    jump(changed);
  };
  return { words, schedule, forget, steps, given: { model, words, change, shown, steps } };
}

/** Something that is folded away at first; its parts are drawn while it is open. */
export function buildFold(name, word, parts, again) {
  const node = make("details", { className: `rnn-fold rnn-fold-${name}` }, make("summary", {}, word),
    make("div", { className: name === "numbers" ? "rnn-panels" : "" }, ...parts.map((part) => part.node)));
  node.addEventListener("toggle", again);
  return { node, open: () => node.open, draw: (state) => node.open && parts.forEach((part) => part.draw(state)) };
}
