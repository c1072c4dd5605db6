/**
 * What TrainingLab says of its run in numbers, and in a sentence.
 */

import { number, percent, slight } from "../model/format.js";
import { make, setText } from "../ui/dom.js";
import { LIMITS } from "./facts.js";

/** A whole number with its thousands apart. */
export const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

const KEYS = {
  update: "lab_update", reading: "lab_reading", loss: "lab_loss", mean: "lab_mean", perplexity: "lab_perplexity", bits: "lab_bits",
  norm: "lab_norm", rate: "lab_rate_now", speed: "lab_speed", recall: "lab_recall_loss", hits: "lab_recall_hits",
};

export function buildNumbers(words) {
  const values = Object.fromEntries(Object.keys(KEYS).map((name) => [name, make("dd", { className: `rnn-lab-${name}` })]));
  const node = make("dl", { className: "rnn-lab-numbers" },
    ...Object.entries(KEYS).map(([name, key]) => make("div", {}, make("dt", {}, words(key)), values[name])));
  return {
    node: make("div", {}, node, make("p", { className: "rnn-note" }, words("lab_loss_note"))),
    draw({ lab: { run, rate, curve, recall }, speed }) {
      for (const name of ["recall", "hits"]) values[name].parentNode.hidden = !recall;
      setText(values.recall, slight(recall?.loss.level));
      setText(values.hits, percent(recall?.share.level));
      const n = run.count;
      setText(values.update, count(n));
      setText(values.reading, count(run.epoch + 1));
      setText(values.loss, slight(n ? run.losses.at(n - 1) : NaN));
      setText(values.mean, slight(curve.level));
      setText(values.perplexity, slight(Math.exp(curve.level)));
      setText(values.bits, slight(curve.level / Math.LN2));
      setText(values.norm, slight(n ? run.norms.at(n - 1) : NaN));
      setText(values.rate, String(rate));
      setText(values.speed, speed ? count(speed < 100 ? Number(speed.toPrecision(2)) : Math.round(speed)) : "–");
    },
  };
}

/** How training goes, in a sentence. */
export function sentence({ lab, target, catchingUp, tooHigh, leap }, words) {
  const { run, V, curve } = lab;
  const { stopped, count: n } = run;
  if (stopped) {
    const finite = (value) => (Number.isFinite(value) ? slight(value) : words("lab_no_number"));
    return words("lab_diverged", {
      update: count(stopped.update), rate: stopped.rate, norm: finite(stopped.norm), loss: finite(stopped.loss), n: count(n),
    });
  }
  if (catchingUp) return words("lab_replaying", { n: count(n), target: count(target) });
  if (!n) return words("lab_fresh", { V, uniform: number(Math.log(V)) });
  if (n >= LIMITS.updates) return words("lab_end", { n: count(n) });
  const values = { n: count(n), loss: slight(curve.level), uniform: number(Math.log(V)), V };
  if (leap?.at === n) {
    return words("lab_leap", { n: count(n), loss: slight(leap.loss), from: count(leap.from), least: slight(leap.least), rate: lab.rate });
  }
  if (tooHigh) {
    const rates = lab.rates.filter(({ from }) => from < n).map(({ rate }) => rate);
    return words("lab_high", { ...values, first: slight(run.losses.at(0)), rate: Math.max(...rates) });
  }
  return words("lab_summary", { ...values, right: lab.read.right, of: lab.read.n - 1 }) + recalled(lab, words);
}

/** What is recalled by now, and whether the gradient can reach so far. */
function recalled({ recall, read, task, settings: { steps } }, words) {
  if (!recall || !read.of) return "";
  const short = task && steps < task.steps ? ` ${words("lab_recall_short", { steps, line: task.steps })}` : "";
  return ` ${words("lab_recall_summary", { right: read.recalled, of: read.of, loss: slight(recall.loss.level) })}${short}`;
}
