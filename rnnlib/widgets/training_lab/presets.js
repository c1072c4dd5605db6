/**
 * The texts that TrainingLab offers: the words of each, and the text itself; and the tasks, whose difficulty is a lag.
 */

import { generator } from "../engine/random.js";
import { makeTask, sizeOfTask, TASKS } from "../engine/tasks.js";
import { LIMITS } from "./facts.js";

const CLASSIC = [
  "人之初，性本善。", "性相近，習相遠。", "苟不教，性乃遷。", "教之道，貴以專。", "昔孟母，擇鄰處。", "子不學，斷機杼。",
  "竇燕山，有義方。", "教五子，名俱揚。", "養不教，父之過。", "教不嚴，師之惰。", "子不學，非所宜。", "幼不學，老何為。",
  "玉不琢，不成器。", "人不學，不知義。", "為人子，方少時。", "親師友，習禮儀。",
]; // as in rnnlib/data

export const PRESETS = [
  ["lab_preset_sentence", "I am learning RNN"],
  ["lab_preset_films", "你好李焕英\n夏洛特烦恼\n"],
  ["lab_preset_count", Array.from({ length: 30 }, (_, i) => `${i + 1} `).join("")],
  ["lab_preset_classic", CLASSIC.map((line) => `${line}\n`).join("")],
];

/** The tasks: the words of each, of its size, and the size that is offered first. */
export const TASK_PRESETS = {
  recall: ["lab_preset_recall", "lab_fillers", 10],
  brackets: ["lab_preset_brackets", "lab_depth", 4],
  sums: ["lab_preset_sums", "lab_fillers", 4],
};

const SEED = 0; // of their texts

/** The traits of a task of this size. */
export const taskOfSize = (kind, n) => makeTask(kind, n, generator(SEED));

/** The largest size whose lines fit into a window. */
export function largestSize(kind) {
  let steps = LIMITS.steps;
  while (!sizeOfTask(kind, steps)) steps -= 1;
  return sizeOfTask(kind, steps);
}

/** The task that has this text: {kind, n, steps}; undefined where none has. */
export function taskOfText(text) {
  const steps = [...text.slice(0, LIMITS.steps)].indexOf("\n") + 1;
  for (const kind of steps ? TASKS : []) {
    const n = sizeOfTask(kind, steps);
    if (n && taskOfSize(kind, n).text === text) return { kind, n, steps };
  }
  return undefined;
}
