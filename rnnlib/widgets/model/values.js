/** Values of traits as a view can use them, wherever they come from. */

/** The number of a range next to a value.
 * @param {any} value
 * @param {number[]} range */
export const within = (value, [low, high]) => Math.min(high, Math.max(low, Number(value) || 0));

/** The value if it is one of the choices, else the first of them. */
export const oneOf = (value, choices) => (choices.includes(value) ? value : choices[0]);
