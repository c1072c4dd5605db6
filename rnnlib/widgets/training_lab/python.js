/**
 * A run of TrainingLab as lines of Python.
 */

import { pythonString } from "../model/python_source.js";
import { DEFAULTS, OPTIMIZERS, SAMPLE, SHOWN } from "./facts.js";

/** The lines of Python that train what the lab has trained up to so many updates, and write what it writes. */
export function pythonOfRun({ settings, rates }, updates) {
  const { steps, clip, optimizer, seed, rate, temperature, cell, forget_bias, recalled } = settings;
  const module = cell === "rnn" ? "" : cell;
  const name = OPTIMIZERS[optimizer].name;
  const entries = rates.filter(({ from }, i) => !i || from < updates);
  const lines = entries.flatMap((entry, i) => [
    ...(entry.anew ? ["run = run._replace(slots={name: 0 * slot for name, slot in run.slots.items()}, t=0)"] : []),
    `run = train(${i ? "run" : "params"}, ids, ${name}(), rate=${updates ? entry.rate : rate}, updates=${entries[i + 1]?.from ?? updates}, **options)`,
  ]);
  return {
    plain: [
      "ids = vocab.encode(text)",
      `options = {"steps": ${steps}, "clip": ${clip || "None"}, "progress": False}`,
      ...lines,
      ...(recalled ? pythonOfRecalled(recalled, module) : []),
      `written = sample(run.params, vocab, text[0], ${SAMPLE}, temperature=${temperature}, rng=np.random.default_rng(${seed}))`,
    ],
    cell: module, drawn: cell === "lstm" && forget_bias !== DEFAULTS.forget_bias ? [`forget_bias=${forget_bias}`] : [],
    imports: { rnnlib: ["Vocabulary", ...(recalled && !module ? ["forward"] : [])], "rnnlib.optim": [name], "rnnlib.train": ["sample", "train"] },
  };
}

/** Of the characters to be recalled in the part of the text that the lab shows: how many the network finds likeliest. */
function pythonOfRecalled(recalled, module) {
  return [
    `y = ids[1:${SHOWN}]`,
    `likeliest = ${module && `${module}.`}forward(run.params, ids[: len(y)]).o.argmax(axis=1)`,
    `hits = (likeliest == y)[np.isin(y, vocab.encode(${pythonString(recalled)}))]`,
    "right, places = hits.sum(), len(hits)",
  ];
}
