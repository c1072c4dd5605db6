/**
 * The view of River: a sentence read from left to right, the surprise of each step, the gradients running back, and a
 * slider over the training, which makes them reach further.
 */

import { forward } from "../engine/rnn.js";
import { stepLosses } from "../engine/loss.js";
import { backward, contributions } from "../engine/bptt.js";
import { Descent } from "../model/descent.js";
import { number, slight } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { highest, lengths } from "../model/river.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { buildFilm } from "../ui/film.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { DEFAULTS, RATE, UPDATES } from "./facts.js";

const SLICE = 12; // ms of training before the next drawing
const REACH = 6; // lengths of the lit loss that are told

/** The network after so many updates, and its gradients; `descent` has reached that far. */
function after(net, descent, updates) {
  const params = descent.at(updates);
  const trace = forward(params, net.x);
  const losses = stepLosses(trace.o, net.y, net.V);
  const matrix = contributions(params, trace, net.y, "sum");
  const norms = lengths(backward(params, trace, net.y, "sum").da, net.H);
  return { ...net, params, trace, losses, matrix, norms, top: highest(matrix, net.T) };
}

/** The slider over the training, and whether all of it has one scale. */
function buildTraining({ words, change, stop }) {
  const updates = slider(words, "river_updates", 0, UPDATES);
  updates.control.addEventListener("input", ({ target }) => {
    stop();
    change({ updates: Number(target.value) });
  });
  const fill = make("button", { type: "button", className: "rnn-button" }, words("river_fill"));
  fill.addEventListener("click", () => change({ fill: fill.getAttribute("aria-pressed") !== "true" }));
  return {
    updates: updates.node, fill,
    draw(state) {
      updates.show(state.updates, words("of", { t: state.updates, T: UPDATES }));
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
        lengths: reached.join(", "),
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
        `for _ in range(${shown().updates}):`,
        "    grads = backward(params, forward(params, x), y)",
        `    params = Params(*(p - ${RATE} * g for p, g in zip(params, grads)))`,
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
  const [started, computed, scaled] = [keep(), keep(), keep()];

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const descent = started(() => new Descent({ ...net, rate: RATE }), net);
    const wanted = scene?.updates ?? Math.min(UPDATES, Math.max(0, model.get("updates")));
    const end = state && performance.now() + SLICE; // the first drawing waits for what it shows
    const updates = descent.reach(wanted, end ? () => performance.now() < end : undefined);
    if (updates < wanted) requestAnimationFrame(draw);
    const now = computed(() => after(net, descent, updates), net, updates);
    const first = scaled(() => after(net, descent, 0).top, net);
    const fill = model.get("fill");
    state = {
      ...now, net, t: inside(model.get("t"), net.T), updates, fill, dark: isDark(root), read: scene?.read ?? null,
      front: scene?.front ?? null,
    };
    state.lit = state.t;
    state.blame = { matrix: now.matrix, norms: now.norms, scale: fill ? now.top || 1 : 2.1 * first || 1 };
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
