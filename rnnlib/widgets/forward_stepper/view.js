/**
 * The view of ForwardStepper. Everything is computed from the model's traits on every change and painted at once;
 * the nodes are built once and reused.
 */

import { number, percent, quoted } from "../model/format.js";
import { LIMITS } from "../model/limits.js";
import { inside, NETWORK, network, shownNetwork } from "../model/network.js";
import { lastStep, linkedNetwork, linkedWhole } from "../model/permalink.js";
import { ramp } from "../ui/colour.js";
import { batchUpdates, make, setText } from "../ui/dom.js";
import { bindModel, networkFields, slider } from "../ui/fields.js";
import { figure } from "../ui/keys.js";
import { sub } from "../ui/mathml.js";
import { wordsFor } from "../ui/messages.js";
import { player } from "../ui/player.js";
import { shareRow } from "../ui/share_row.js";
import { isDark, onThemeChange } from "../ui/theme.js";
import { buildStrip, setSign, showStrip } from "../ui/time_strip.js";
import { DEFAULTS } from "./facts.js";
import { buildCharacters, buildTerms, buildUnits, hat, largest } from "./panels.js";

/** The network unrolled over time, with what it predicts at each step. */
function buildTime({ words, change, shown }) {
  const strip = buildStrip({
    label: words("strip"), states: [words("carries"), sub("h", "t")], place: () => [shown().t, shown().T],
    go: (t) => change({ t }),
    lines: {
      x: [words("reads"), sub("x", "t")], guess: [words("guesses"), hat()], y: [words("target"), sub("y", "t")],
      loss: [words("loss"), sub("L", "t")],
    },
  });
  return {
    node: strip.node,
    draw(state) {
      const { V, t, x, y, trace, losses, vocab, moved, dark } = state;
      showStrip(strip, state, trace.h, 1, dark, (parts, i) => {
        const guess = largest(trace.yhat, i * V, (i + 1) * V);
        const loss = number(losses[i], 2);
        setSign(parts.x, vocab[x[i]]);
        setSign(parts.guess, vocab[guess]);
        setSign(parts.y, vocab[y[i]]);
        setText(parts.loss, loss);
        parts.guess.classList.toggle("rnn-right", guess === y[i]);
        return words("column", {
          t: i + 1, x: quoted(vocab[x[i]]), guess: quoted(vocab[guess]), p: percent(trace.yhat[i * V + guess]),
          y: quoted(vocab[y[i]]), loss,
        });
      });
      if (moved) strip.columns.reveal(t);
    },
    dispose: () => strip.columns.observer.disconnect(),
  };
}

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
      const guess = largest(trace.yhat, t * V, (t + 1) * V);
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

/** Link, image and lines of Python; shown() gives the state that is drawn. */
function shareStep({ el, root, model, words, change, shown }) {
  return shareRow({
    el, root, model, words, change, figure: "ForwardStepper",
    spec: {
      ...linkedNetwork(model, LIMITS), t: linkedWhole(0, lastStep, DEFAULTS.t),
      unit: linkedWhole(0, ({ hidden_size }) => hidden_size - 1, DEFAULTS.unit),
    },
    shown: () => shown() && { ...shownNetwork(shown()), t: shown().t, unit: shown().unit },
    said: () => words("picture", { ...shown(), t: shown().t + 1 }),
    place: () => `t${shown().t + 1}`,
    python: () => ({
      plain: [
        "trace = forward(params, vocab.encode(text[:-1]))",
        "losses = step_losses(trace.o, vocab.encode(text[1:]))",
      ],
      imports: { rnnlib: ["Vocabulary", "forward", "step_losses"] },
    }),
  });
}

function render({ model, el }) {
  const words = wordsFor(el);
  /** @type {any} */
  let state; // what is shown
  const schedule = batchUpdates(draw);
  const { change, forget } = bindModel(model, [...NETWORK, "t", "unit"], schedule);
  const fields = networkFields({ model, words, change, settle: ({ T = Infinity, H = Infinity }) => ({
    t: Math.min(model.get("t"), T - 1), unit: Math.min(model.get("unit"), H - 1),
  }) });
  const given = { model, words, change, shown: () => state };
  const [time, steps, summary, foot] = [buildTime, buildSteps, buildSummary, buildFoot].map((build) => build(given));
  const panels = [buildUnits, buildCharacters, buildTerms].map((build) => build(given));
  const parts = [fields, time, steps, summary, ...panels, foot];
  const root = make("div", { className: "rnn rnn-forward", role: "group" },
    fields.node, time.node, steps.node, summary.node,
    make("div", { className: "rnn-panels" }, ...panels.map(({ node }) => node)),
    foot.node);
  root.setAttribute("aria-label", words("figure"));
  el.append(root);

  function draw() {
    const net = fields.guard(() => network(model, state?.net));
    if (!net) return;
    const t = inside(model.get("t"), net.T);
    const unit = inside(model.get("unit"), net.H);
    const moved = !state || state.t !== t || state.T !== net.T; // what is chosen anew is scrolled into sight
    state = { ...net, net, t, unit, moved, chosen: state && state.unit !== unit, dark: isDark(root) };
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
