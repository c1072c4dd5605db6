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
import { buildFilm, wantsNoMotion, whenSeen } from "../ui/film.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { trainingSlider } from "../ui/training_slider.js";
import { DEFAULTS } from "./facts.js";

const REACH = 6; // lengths of the lit loss that are told
const PHASES = { read: 1600, back: 1600, learn: 3000, stretch: 1200 }; // of the film, in ms
const TOLD = { read: "river_reads", back: "river_goes_back", learn: "river_learns", stretch: "river_stretches" };
const ROOM = 2.1; // the band holds so many times the highest column of the untrained network

/** The lengths of all gradients of a network: how far each loss reaches, and what arrives at each step. */
function reached({ params, trace, y, T, H }) {
  const matrix = contributions(params, trace, y, "sum");
  const norms = lengths(backward(params, trace, y, "sum").da, H);
  return { matrix, norms, top: highest(matrix, T) };
}

/** The film's button and the slider over the training, which go together, and whether all of it has one scale. */
function buildTraining({ words, change, play }) {
  const slider = trainingSlider(words, (updates) => change({ updates }));
  const told = make("p", { className: "rnn-note" });
  const fill = make("button", { type: "button", className: "rnn-button" }, words("river_fill"));
  fill.addEventListener("click", () => change({ fill: fill.getAttribute("aria-pressed") !== "true" }));
  return {
    node: make("div", { className: "rnn-steps" },
      make("div", { className: "rnn-river-film" }, play, make("div", {}, told, slider.node)), fill),
    draw(state) {
      slider.draw(state);
      setText(told, words(TOLD[state.phase] ?? "river_rests"));
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
    draw({ T, t, losses, matrix, updates, phase }) {
      node.setAttribute("aria-live", phase ? "off" : "polite"); // a film would never stop talking
      const reached = Array.from({ length: Math.min(t + 1, REACH) }, (_, lag) => slight(matrix[t * T + t - lag]));
      setText(node, words("river_summary", {
        updates, mean: number(losses.reduce((sum, loss) => sum + loss, 0) / T), t: t + 1, loss: number(losses[t]),
        lengths: reached.join(", ") + (t + 1 > REACH ? ", …" : "."),
      }));
    },
  };
}

function share({ el, root, model, words, change, open, shown }) {
  return shareRow({
    el, root, model, words, change, open, figure: "River",
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

/** The film of the figure, what it shows instead of the traits, and what stops it: all that a reader does in the figure but a
 * press on the film's own button, and a trait that is set from elsewhere. */
function buildScenes({ words, model, change, draw, shown }) {
  let scene = null; // {phase, read, front, updates, stretched, own}, own: the trait that it stands for
  const film = buildFilm({
    words,
    phases: Object.entries(PHASES),
    show(phase, part) {
      if (!shown()) return; // while the text cannot be read
      const { T } = shown();
      scene = {
        phase,
        read: phase === "read" ? Math.floor(part * T) : null,
        front: { read: T, back: T * (1 - part) }[phase] ?? null,
        updates: { learn: Math.round(UPDATES * part ** 2), stretch: UPDATES }[phase] ?? 0,
        stretched: phase === "stretch" ? part : 0,
        own: model.get("updates"),
      };
      draw();
    },
    end(finished) {
      const own = model.get("updates");
      const reached = scene?.own === own ? scene.updates : own;
      scene = null;
      change(finished ? { updates: UPDATES, fill: true } : { updates: reached });
    },
  });
  let forget = () => {};
  const stop = () => {
    forget();
    film.stop();
  };
  return {
    node: film.node, stop,
    scene: () => scene,
    /** Let everything that is done in `root` stop it; where `once` is true, play as soon as `seen` comes into view. */
    begin(root, seen, once) {
      if (once && !wantsNoMotion()) forget = whenSeen(seen, film.play);
      // the reader's own press plays, and what comes into view later must not hold it: `play` goes to and fro
      const still = ({ target }) => (film.node.contains(target) ? forget() : stop());
      for (const what of ["click", "input", "keydown"]) root.addEventListener(what, still, true);
    },
  };
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "updates", "fill"], () => {
    film.stop();
    schedule();
  });
  const film = buildScenes({ words, model, change, draw, shown: () => state });
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity }) => ({
    t: Math.min(model.get("t"), T - 1),
  }) });
  const training = buildTraining({ words, change, play: film.node });
  const summary = buildSummary({ words });
  const river = buildRiver({ words, label: words("strip"), place: () => [state.t, state.T], go: (t) => change({ t }) });
  const root = make("div", { className: "rnn rnn-river-figure", role: "group" },
    river.node, training.node, fields.node, ...summary.nodes);
  root.setAttribute("aria-label", words("river_figure"));
  el.append(root);
  // a step that an arrow key leads to lies neither out of sight nor under the film's controls
  river.node.addEventListener("keydown", () => queueMicrotask(() => (
    river.node.querySelector(":focus")?.scrollIntoView({ block: "nearest", inline: "nearest" }))));
  const [computed, scaled] = [keep(), keep()];
  const trained = new Trained();

  function draw() {
    const net = fields.guard(() => network(model, state?.start));
    if (!net) return;
    const rest = { phase: null, read: null, front: null, updates: model.get("updates"), stretched: Number(model.get("fill")) };
    const { phase, read, front, updates, stretched } = film.scene() ?? rest;
    const now = trained.after(net, updates, !state); // the first drawing waits for it
    if (now.late) requestAnimationFrame(draw);
    const blame = computed(() => reached(now), net, now.updates);
    const first = scaled(() => highest(contributions(net.params, net.trace, net.y, "sum"), net.T), net);
    const t = inside(model.get("t"), net.T);
    state = { ...now, t, lit: t, matrix: blame.matrix, fill: stretched === 1, phase, read, front, dark: isDark(root) };
    state.blame = { ...blame, scale: (ROOM * first) ** (1 - stretched) * blame.top ** stretched || 1 };
    for (const part of [fields, river, training, summary]) part.draw(state);
  }

  let linked = false; // the reader has come by a link to a state of this figure
  const open = (traits) => {
    linked = true;
    film.stop();
    change(traits);
  };
  const unshare = share({ el, root, model, words, change, open, shown: () => state });
  const unthemed = onThemeChange(schedule);
  draw();
  film.begin(root, river.node, model.get("autoplay") && !linked);
  return () => {
    film.stop();
    unthemed();
    unshare();
    forget();
  };
}

export default figure(render);
