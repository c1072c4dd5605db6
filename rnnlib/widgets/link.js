/**
 * The state of a figure as a link: the address of its page, with the figure's name and its traits in the fragment.
 */

const LONGEST_LINK = 40000; // characters of a fragment; 2,000 characters of any script take 24,000

/** The address of this page with the traits of one figure in its fragment.
 * @param {string} name  the figure, as `readLink` will be asked for it
 * @param {Object<string, string | number>} traits */
export function writeLink(name, traits, address = location.href) {
  const fields = new URLSearchParams({ figure: name });
  for (const [key, value] of Object.entries(traits)) fields.set(key, String(value));
  const url = new URL(address);
  url.hash = fields.toString();
  return url.href;
}

/** The traits that the address gives to this figure; null where it is for another one or for none.
 * spec names the traits that may come, each with a function from what the link says to its value; undefined is no value,
 * and makes the whole link broken: half of somebody's settings would be a state that nobody has seen.
 * @param {Object<string, (text: string) => any>} spec
 * @returns {null | {traits: object} | {broken: string}}  broken: the first field that cannot be used */
export function readLink(name, spec, address = location.href) {
  const fragment = new URL(address).hash.slice(1);
  const fields = new URLSearchParams(fragment.slice(0, LONGEST_LINK));
  if (fields.get("figure") !== name) return null;
  if (fragment.length > LONGEST_LINK) return { broken: "length" };
  const traits = {};
  for (const [key, read] of Object.entries(spec)) {
    const texts = fields.getAll(key);
    if (!texts.length) continue;
    traits[key] = texts.length === 1 ? read(texts[0]) : undefined;
    if (traits[key] === undefined) return { broken: key };
  }
  return { traits };
}

/** A reader of a number for the spec of `readLink`: plain decimal notation, from low to high. */
export function linkedNumber(low, high, whole = false) {
  return (text) => {
    if (!/^\d{1,16}(\.\d{1,20})?(e-?\d{1,3})?$/.test(text)) return undefined;
    const value = Number(text);
    return value >= low && value <= high && (!whole || Number.isSafeInteger(value)) ? value : undefined;
  };
}
