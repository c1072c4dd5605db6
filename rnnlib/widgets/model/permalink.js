/**
 * The state of a figure as a link: the address of its page, with the figure's name, which of several it is, and its traits
 * in the fragment. What a link may say is a spec: trait -> {read, initial}. read(text, traits) turns what the link says into
 * a value, undefined where it cannot be used; `traits` holds what is known by then, the text first. `initial` is the value
 * of the Python class, or a function from the traits to it.
 */

const PLAIN = /^\d{1,16}(\.\d{1,20})?(e-?\d{1,3})?$/;
const SIGNED = /^-?\d{1,16}(\.\d{1,20})?(e-?\d{1,3})?$/;
const LONGEST_LINK = 40000; // characters of a fragment; 2,000 characters of any script take 24,000

/** The address of this page with these traits of its n-th figure of that name in the fragment. */
export function writeLink(figure, n, traits, address = location.href) {
  const fields = new URLSearchParams(n > 1 ? { figure, n } : { figure });
  for (const [key, value] of Object.entries(traits)) fields.set(key, String(value));
  const url = new URL(address);
  url.hash = fields.toString();
  return url.href;
}

/** The name and place of the figure that a fragment is for, and its other fields; null where it is for none.
 * @returns {null | {figure: string, n: number, fields: URLSearchParams, long: boolean}}  n: 0 for no place at all */
export function parseLink(fragment) {
  const fields = new URLSearchParams(fragment.slice(1, LONGEST_LINK + 1));
  const n = fields.get("n") ?? "1";
  const figure = fields.get("figure");
  if (figure === null) return null;
  return { figure, n: /^[1-9]\d{0,2}$/.test(n) ? Number(n) : 0, fields, long: fragment.length > LONGEST_LINK + 1 };
}

/** The traits that the fields of a link give. One that cannot be used makes the whole link broken: half of somebody's
 * settings would be a state that nobody has seen.
 * @returns {{traits?: any, broken?: string}}  broken: the first field that cannot be used */
export function readLink({ fields, long }, spec, known) {
  if (long) return { broken: "length" };
  const traits = {};
  for (const [key, { read }] of Object.entries(spec)) {
    const texts = fields.getAll(key);
    if (!texts.length) continue;
    traits[key] = texts.length === 1 ? read(texts[0], { ...known, ...traits }) : undefined;
    if (traits[key] === undefined) return { broken: key };
  }
  return { traits };
}

/** A number from low to high in plain decimal notation, with a sign where low has one; high may follow from the other traits. */
export function linkedNumber(low, high, initial, whole = false) {
  const read = (text, traits) => {
    if (!(low < 0 ? SIGNED : PLAIN).test(text)) return undefined;
    const value = Number(text);
    const most = typeof high === "function" ? high(traits) : high;
    return value >= low && value <= most && (!whole || Number.isSafeInteger(value)) ? value : undefined;
  };
  return { read, initial };
}

export const linkedWhole = (low, high, initial) => linkedNumber(low, high, initial, true);

/** One of several strings. */
export function linkedChoice(choices, initial) {
  return { read: (text) => (choices.includes(text) ? text : undefined), initial };
}

/** The last step of the text, from 0: the bound of traits that point to one. */
export const lastStep = ({ text }) => [...text].length - 2;

/** What a link may say of the network itself; given weights have their characters, their size, and no seed. */
export function linkedNetwork(model, { steps, hidden, seed }) {
  const known = new Set(model.get("_characters"));
  const read = (text) => {
    const characters = [...text];
    const good = characters.length > 1 && characters.length <= steps + 1;
    return good && (!known.size || characters.every((character) => known.has(character))) ? text : undefined;
  };
  return known.size ? { text: { read } } : { text: { read }, hidden_size: linkedWhole(1, hidden), seed: linkedWhole(0, seed) };
}
