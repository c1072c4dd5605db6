/**
 * The texts that TrainingLab offers: the words of each, and the text itself.
 */

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
