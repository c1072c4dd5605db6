/**
 * The view of River: a sentence read from left to right, the surprise of each step, the gradients running back, and a
 * slider over the training, which makes them reach further.
 */

import { backward, contributions } from "../engine/bptt.js";
import { number, slight } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { highest, lengths } from "../model/river.js";
import { pythonDescent, Trained } from "../model/trained.js";
import { UPDATES } from "../model/training.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { bindModel, networkFields } from "../ui/fields.js";
import { buildFilm } from "../ui/film.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { trainingSlider } from "../ui/training_slider.js";
import { DEFAULTS } from "./facts.js";

const REACH = 6; // lengths of the lit loss that are told
const ROOM = 2.1; // the band holds so many times the highest column of the untrained network

/** The lengths of all gradients of a network: how far each loss reaches, and what arrives at each step. */
function reached({ params, trace, y, T, H }) {
  const matrix = contributions(params, trace, y, "sum");
  const norms = lengths(backward(params, trace, y, "sum").da, H);
  return { matrix, norms, top: highest(matrix, T) };
}

/** The slider over the training, and whether all of it has one scale. */
function buildTraining({ words, change, stop }) {
  const slider = trainingSlider(words, (updates) => {
    stop();
    change({ updates });
  });
  const fill = make("button", { type: "button", className: "rnn-button" }, words("river_fill"));
  fill.addEventListener("click", () => change({ fill: fill.getAttribute("aria-pressed") !== "true" }));
  return {
    updates: slider.node, fill,
    draw(state) {
      slider.draw(state);
      fill.setAttribute("aria-pressed", String(state.fill));
    },
  };
}

/** What is seen, in sentences. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  const key = make("p", { className: "rnn-note" }, words("river_key"));
  return {
    nodes: [node, key],
    draw({ T, t, losses, matrix, updates }) {
      const reached = Array.from({ length: Math.min(t + 1, REACH) }, (_, lag) => slight(matrix[t * T + t - lag]));
      setText(node, words("river_summary", {
        updates, mean: number(losses.reduce((sum, loss) => sum + loss, 0) / T), t: t + 1, loss: number(losses[t]),
        lengths: reached.join(", ") + (t + 1 > REACH ? ", …" : ""),
      }));
    },
  };
}

function share({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "River",
    spec: {
      ...linkedNetwork(model, LIMITS), t: linkedWhole(0, lastStep, DEFAULTS.t),
      updates: linkedWhole(0, UPDATES, DEFAULTS.updates),
    },
    shown: () => shown() && { ...shownNetwork(shown()), t: shown().t, updates: shown().updates },
    said: () => words("river_picture", shown()),
    place: () => `update${shown().updates}`,
    python: () => ({
      plain: [
        "ids = vocab.encode(text)",
        "x, y = ids[:-1], ids[1:]",
        ...pythonDescent(shown().updates),
        "trace = forward(params, x)",
        "losses = step_losses(trace.o, y)",
        'lengths = contributions(params, trace, y, reduction="sum")',
      ],
      imports: { rnnlib: ["Params", "Vocabulary", "backward", "contributions", "forward", "step_losses"] },
    }),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  let scene = null; // what the film shows instead: {read, front, updates}
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "updates", "fill"], schedule);
  const film = buildFilm({
    words,
    phases: [["read", 1600], ["back", 1600], ["learn", 3000]],
    show(phase, part) {
      const T = state.T;
      scene = {
        read: phase === "read" ? Math.floor(part * T) : null,
        front: phase === "learn" ? null : phase === "back" ? T * (1 - part) : T,
        updates: phase === "learn" ? Math.round(UPDATES * part ** 2) : 0,
      };
      draw();
    },
    end(finished) {
      const updates = finished ? UPDATES : (scene?.updates ?? model.get("updates"));
      scene = null;
      change({ updates });
    },
  });
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => ({
    t: Math.min(model.get("t"), T - 1),
  }) });
  const training = buildTraining({ words, change, stop: film.stop });
  const summary = buildSummary({ words });
  const river = buildRiver({ words, label: words("strip"), place: () => [state.t, state.T], go(t) {
    film.stop();
    change({ t });
  } });
  const root = make("div", { className: "rnn rnn-river-figure", role: "group" },
    river.node,
    make("div", { className: "rnn-steps" }, film.node, training.updates, training.fill),
    ...summary.nodes, fields.node);
  root.setAttribute("aria-label", words("river_figure"));
  el.append(root);
  const [computed, scaled] = [keep(), keep()];
  const trained = new Trained();

  function draw() {
    const net = fields.guard(() => network(model, state?.start));
    if (!net) return;
    const now = trained.after(net, scene?.updates ?? model.get("updates"), !state); // the first drawing waits for it
    if (now.late) requestAnimationFrame(draw);
    const blame = computed(() => reached(now), net, now.updates);
    const first = scaled(() => highest(contributions(net.params, net.trace, net.y, "sum"), net.T), net);
    const fill = model.get("fill");
    const t = inside(model.get("t"), net.T);
    const { read = null, front = null } = scene ?? {};
    state = { ...now, t, lit: t, matrix: blame.matrix, fill, read, front, dark: isDark(root) };
    state.blame = { ...blame, scale: (fill ? blame.top : ROOM * first) || 1 };
    for (const part of [fields, river, training, summary]) part.draw(state);
  }

  const unshare = share({ el, root, model, words, change, shown: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    film.stop();
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
