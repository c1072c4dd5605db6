/**
 * The state of a figure as lines of Python: the same numbers with rnnlib alone, then the figure itself.
 */

const MOST_GIVEN = 32768; // bytes of given weights that are written out

const escaped = (character) => {
  const code = character.codePointAt(0);
  const [letter, digits] = code < 256 ? ["x", 2] : code < 65536 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
};

const SHORT = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r" };

/** A string as Python writes it; what cannot be seen, and half a surrogate pair, as escapes. */
export function pythonString(text) {
  return `"${text.replace(/[\\"]|(?! )[\p{C}\p{Z}]/gu, (character) => SHORT[character] ?? escaped(character))}"`;
}

export const pythonValue = (value) => (typeof value === "string" ? pythonString(value) : String(value));

/** A call; where it is too long for a line, each argument has one of its own. */
export function pythonCall(name, args) {
  const line = `${name}(${args.join(", ")})`;
  return line.length <= 100 ? line : `${name}(\n${args.map((arg) => "    " + arg + ",\n").join("")})`;
}

/** The arguments of a figure besides its text: the traits that are not what the class begins with. */
function argumentsOf(traits, spec) {
  return Object.keys(spec).filter((key) => {
    const { initial } = spec[key];
    const value = typeof initial === "function" ? initial(traits) : initial;
    return key !== "text" && traits[key] !== undefined && traits[key] !== value;
  }).map((key) => `${key}=${pythonValue(traits[key])}`);
}

const importLines = (modules) => (
  Object.keys(modules).sort().map((module) => `from ${module} import ${[...new Set(modules[module])].sort().join(", ")}`));

/** The lines of Python for a figure; null where its given weights are too many to be written out.
 * @param {{figure: string, model: any, traits: object, spec: object, plain: string[], imports?: Object<string, string[]>,
 *   cell?: string, drawn?: string[]}} parts
 * plain: lines that go on from text, vocab, params, x and y to the numbers of the figure, with their imports; cell: the module
 * of another cell than the vanilla one; drawn: arguments of its init_params. Without a text there is no network, and `plain` is all */
export function pythonLines({ figure, model, traits, spec, plain, imports = {}, cell = "", drawn = [] }) {
  const args = argumentsOf(traits, spec);
  if (!("text" in spec)) {
    const from = importLines({ ...imports, "rnnlib.widgets": [figure] });
    return [...from, "", ...plain, "", `figure = ${pythonCall(figure, args)}`, "figure", ""].join("\n");
  }
  const weights = model.get("_weights");
  const given = weights?.byteLength > 0;
  if (given && weights.byteLength > MOST_GIVEN) return null;
  const modules = { rnnlib: ["Vocabulary"], ...imports, "rnnlib.widgets": [figure] };
  if (given) modules["rnnlib.optim"] = [...(modules["rnnlib.optim"] ?? []), "views"];
  if (cell) modules.rnnlib = [...modules.rnnlib, cell];
  else if (!given) modules.rnnlib = [...modules.rnnlib, "init_params"];

  const head = [`text = ${pythonString(traits.text)}`];
  if (given) {
    const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
    const coded = btoa(String.fromCharCode(...bytes)).match(/.{1,96}/g) ?? [];
    const sizes = `len(vocab), ${traits.hidden_size}${cell && `, kind=${cell}.Params`}`;
    head.push("weights = (", ...coded.map((part) => `    "${part}"`), ")",
      `vocab = Vocabulary(${pythonString(model.get("_characters"))})`,
      `params = start = views(np.frombuffer(b64decode(weights), "<f8").copy(), ${sizes})`);
  } else {
    const from = ["len(vocab)", traits.hidden_size, `rng=np.random.default_rng(${traits.seed})`, ...drawn];
    head.push("vocab = Vocabulary(text)", `params = ${cell && `${cell}.`}init_params(${from.join(", ")})`);
  }
  const made = given ? pythonCall(`${figure}.from_params`, ["start", "vocab", "text", ...args]) : pythonCall(figure, ["text=text", ...args]);
  return [
    ...(given ? ["from base64 import b64decode", ""] : []), "import numpy as np", ...importLines(modules), "", ...head, ...plain, "",
    `figure = ${made}`, "figure", "",
  ].join("\n");
}
