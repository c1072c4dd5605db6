/**
 * The view of ForwardStepper. Everything is computed from the model's traits on every change and painted at once;
 * the nodes are built once and reused.
 */

import { argmax } from "../engine/linalg.js";
import { vocabulary } from "../engine/text.js";
import { number, percent, quoted } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { pythonDescent, Trained } from "../model/trained.js";
import { UPDATES } from "../model/training.js";
import { ramp } from "../ui/colour.js";
import { batchUpdates, keep, make, setText } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { buildRiver } from "../ui/river.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { trainingSlider } from "../ui/training_slider.js";
import { DEFAULTS } from "./facts.js";
import { buildByHand, readWeight, withWeight } from "./by_hand.js";
import { buildCell } from "./cell.js";
import { buildCharacters, buildTerms, buildUnits } from "./panels.js";

/** The network unrolled over time, with what it predicts at each step. */
function buildTime({ words, change, shown }) {
  return buildRiver({
    words, label: words("strip"), place: () => [shown().t, shown().T], go: (t) => change({ t }),
  });
}

/** The slider over the training on this text. */
const buildTraining = ({ words, change }) => trainingSlider(words, (updates) => change({ updates }));

/** The buttons and the slider that move from step to step. */
function buildSteps({ words, change, shown }) {
  const go = (t) => change({ t });
  const buttons = player(words, () => shown() && [shown().t, shown().T], go);
  const step = slider(words, "step", 0, 1);
  step.control.addEventListener("input", ({ target }) => go(Number(target.value)));
  return {
    node: make("div", { className: "rnn-steps" }, ...buttons.nodes, step.node),
    draw({ t, T }) {
      step.show(t, words("of", { t: t + 1, T }), T - 1);
      buttons.draw();
    },
    dispose: buttons.pause,
  };
}

/** The step in one sentence. */
function buildSummary({ words }) {
  const node = make("p", { className: "rnn-summary", role: "status" });
  return {
    node,
    draw({ V, t, x, y, trace, losses, vocab }) {
      const guess = argmax(trace.yhat, t * V, (t + 1) * V);
      setText(node, words(guess === y[t] ? "summary_right" : "summary", {
        t: t + 1, x: quoted(vocab[x[t]]), y: quoted(vocab[y[t]]), p: percent(trace.yhat[t * V + y[t]]),
        guess: quoted(vocab[guess]), q: percent(trace.yhat[t * V + guess]), loss: number(losses[t]),
      }));
    },
  };
}

/** The mean loss, and what the colours mean. */
function buildFoot({ words }) {
  const mean = make("p", { className: "rnn-mean" });
  const bar = make("span", { className: "rnn-ramp" });
  const legend = make("p", {}, `${words("legend")} −1 `, bar, ` +1; ${words("legend_rest")}`);
  return {
    node: make("div", { className: "rnn-foot" }, mean, legend),
    draw({ V, T, losses, dark }) {
      const total = losses.reduce((sum, loss) => sum + loss, 0);
      setText(mean, words("mean_loss", { loss: number(total / T), V, uniform: number(Math.log(V)) }));
      bar.style.background = ramp(dark);
    },
  };
}

/** A link may set a weight that the network of the link has. */
function linkedWeight(model) {
  const known = [...model.get("_characters")];
  const V = ({ text }) => (known.length ? known : vocabulary(text)).length;
  const read = (text, traits) => (readWeight(text, V(traits), traits.hidden_size) ? text : undefined);
  return { read, initial: DEFAULTS.weight };
}

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareStep({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "ForwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS), t: linkedWhole(0, lastStep, DEFAULTS.t),
      unit: linkedWhole(0, ({ hidden_size }) => hidden_size - 1, DEFAULTS.unit),
      updates: linkedWhole(0, UPDATES, DEFAULTS.updates), weight: linkedWeight(model),
    },
    shown() {
      if (!shown()) return undefined;
      const { t, unit, updates, written } = shown();
      return { ...shownNetwork(shown()), t, unit, updates, weight: written || undefined };
    },
    said: () => words("picture", { ...shown(), t: shown().t + 1 }),
    place: () => `t${shown().t + 1}`,
    python: () => ({
      plain: [
        "ids = vocab.encode(text)", "x, y = ids[:-1], ids[1:]", ...pythonDescent(shown().updates),
        ...(shown().written ? [`params.${shown().written}`] : []),
        "trace = forward(params, x)", "losses = step_losses(trace.o, y)",
      ],
      imports: { rnnlib: ["Vocabulary", "forward", "step_losses", ...(shown().updates ? ["Params", "backward"] : [])] },
    }),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "unit", "updates", "weight"], schedule);
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity, H = Infinity }) => ({
    t: Math.min(model.get("t"), T - 1), unit: Math.min(model.get("unit"), H - 1),
  }) });
  const given = { model, words, change, shown: () => state };
  const [time, steps, training, summary, cell, byHand, foot] =
    [buildTime, buildSteps, buildTraining, buildSummary, buildCell, buildByHand, buildFoot].map((build) => build(given));
  const panels = [buildUnits, buildCharacters, buildTerms].map((build) => build(given));
  const parts = [fields, time, steps, training, summary, cell, byHand, ...panels, foot];
  const numbers = make("details", { className: "rnn-all-numbers" },
    make("summary", {}, words("all_numbers")),
    make("div", { className: "rnn-panels" }, ...panels.map(({ node }) => node)), foot.node);
  const root = make("div", { className: "rnn rnn-forward", role: "group" },
    time.node, steps.node, summary.node, cell.node, byHand.node,
    make("div", { className: "rnn-steps" }, training.node), fields.node, numbers);
  root.setAttribute("aria-label", words("figure"));
  el.append(root);
  const trained = new Trained();
  const kept = keep();

  function draw() {
    const net = fields.guard(() => network(model, state?.start));
    if (!net) return;
    const t = inside(model.get("t"), net.T);
    const unit = inside(model.get("unit"), net.H);
    const now = trained.after(net, model.get("updates"), !state);
    if (now.late) requestAnimationFrame(draw);
    const weight = readWeight(model.get("weight"), net.V, net.H); // null for one that the network has not
    const set = kept(() => withWeight(now, weight), now.params, model.get("weight"));
    const written = weight ? model.get("weight") : "";
    const chosen = state && state.unit !== unit;
    state = { ...set, drawn: now.params, weight, written, t, unit, chosen, dark: isDark(root) };
    for (const part of parts) part.draw(state);
  }

  const unshare = shareStep({ el, root, ...given });
  const unthemed = onThemeChange(schedule);
  draw();
  return () => {
    unthemed();
    unshare();
    for (const part of parts) part.dispose?.();
    forget();
  };
}

export default figure(render);
