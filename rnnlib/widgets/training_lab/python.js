/**
 * A run of TrainingLab as lines of Python.
 */

import { OPTIMIZERS, SAMPLE } from "./facts.js";

/** The lines of Python that train what the lab has trained up to so many updates, and write what it writes. */
export function pythonOfRun({ settings, rates }, updates) {
  const { steps, clip, optimizer, seed, rate, temperature } = settings;
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
      `written = sample(run.params, vocab, text[0], ${SAMPLE}, temperature=${temperature}, rng=np.random.default_rng(${seed}))`,
    ],
    imports: { rnnlib: ["Vocabulary"], "rnnlib.optim": [name], "rnnlib.train": ["sample", "train"] },
  };
}
