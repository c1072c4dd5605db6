/**
 * The geometry of the band of gradients under a network unrolled over time. At each step s lie the segments of the losses
 * t = s, s + 1, …, one under the other and each |∂L_t/∂a_s| high; a ribbon joins the segments of one loss from step to
 * step, against the direction of time. The sum of the segments is a sum of lengths; the length of the sum is |da_s|.
 */

export const SIZE = 1000; // the drawing is a square of so many units, which the page stretches
const BAR = 0.25; // half the width of a segment, as a part of its column
const NEAR = 16; // losses further away than this have no line of their own around their segments

/** Where the segments of step s begin and end, from the top: the segment of the loss of step s + lag reaches from entry lag
 * to entry lag + 1. matrix: `contributions`, (T, T).
 * @returns {Float64Array} T - s + 1 numbers; the last is the sum of all lengths */
export function stack(matrix, T, s) {
  const edges = new Float64Array(T - s + 1);
  for (let t = s; t < T; t++) edges[t - s + 1] = edges[t - s] + matrix[t * T + s];
  return edges;
}

/** The highest stack of all steps. */
export function highest(matrix, T) {
  let most = 0;
  for (let s = 0; s < T; s++) most = Math.max(most, stack(matrix, T, s)[T - s]);
  return most;
}

/** |da_t| for each step: the lengths of the rows of da (T, H). */
export function lengths(da, H) {
  return Float64Array.from({ length: da.length / H }, (_, t) => Math.hypot(...da.subarray(t * H, (t + 1) * H)));
}

/** Which steps of a long text are drawn: at most `most`, with step t among them.
 * @returns {{first: number, count: number}} */
export function inView(T, t, most) {
  const count = Math.min(T, most);
  return { first: Math.max(0, Math.min(T - count, t - Math.floor(count / 2))), count };
}

const round = (value) => String(Math.round(10 * value) / 10);

/** The paths of the band as SVG has them: `bars` and `ribbons` of all losses together, `seams` between them, `litBars` and
 * `litRibbons` of the loss `lit`, and `ticks` at |da_s|.
 * @param {{matrix: ArrayLike<number>, norms: ArrayLike<number>, T: number, scale: number, first: number, count: number,
 *   lit: number}} band  scale: the length that is as high as the band */
export function paths({ matrix, norms, T, scale, first, count, lit }) {
  const column = SIZE / count;
  const amount = (value) => round((SIZE * value) / scale);
  const middle = (s) => (s - first + 0.5) * column;
  const before = (s) => round(middle(s) - BAR * column);
  const after = (s) => round(middle(s) + BAR * column);
  /** @type {Object<string, string[]>} */
  const drawn = { bars: [], ribbons: [], seams: [], litBars: [], litRibbons: [], ticks: [] };
  const bar = (s, from, to) => `M${before(s)} ${amount(from)}H${after(s)}V${amount(to)}H${before(s)}Z`;
  const curve = (s, from, to) => { // from the near edge of step s to the far edge of step s - 1
    const [x, end, half] = [before(s), after(s - 1), round((middle(s) + middle(s - 1)) / 2)];
    return { there: `C${half} ${amount(from)} ${half} ${amount(to)} ${end} ${amount(to)}`, start: `${x} ${amount(from)}`,
      back: `C${half} ${amount(to)} ${half} ${amount(from)} ${x} ${amount(from)}`, end: `${end} ${amount(to)}` };
  };
  const ribbon = (s, [top, bottom], [farTop, farBottom]) => {
    const [upper, lower] = [curve(s, top, farTop), curve(s, bottom, farBottom)];
    return `M${upper.start}${upper.there}L${lower.end}${lower.back}Z`;
  };

  let edges = stack(matrix, T, first);
  for (let s = first; s < first + count; s++) {
    const lag = lit - s;
    drawn.bars.push(bar(s, 0, edges.at(-1)));
    for (let i = 1; i < Math.min(edges.length - 1, NEAR); i++) {
      drawn.seams.push(`M${before(s)} ${amount(edges[i])}H${after(s)}`);
    }
    if (lag >= 0) drawn.litBars.push(bar(s, edges[lag], edges[lag + 1]));
    drawn.ticks.push(`M${round(middle(s) - 1.3 * BAR * column)} ${amount(norms[s])}H${round(middle(s) + 1.3 * BAR * column)}`);
    if (s + 1 === first + count) break;
    const next = stack(matrix, T, s + 1); // what comes back from step s + 1 lies at s below the loss of s itself
    drawn.ribbons.push(ribbon(s + 1, [0, next.at(-1)], [edges[1], edges.at(-1)]));
    for (let i = 1; i < Math.min(next.length - 1, NEAR); i++) {
      const { start, there } = curve(s + 1, next[i], edges[i + 1]);
      drawn.seams.push(`M${start}${there}`);
    }
    if (lag >= 1) drawn.litRibbons.push(ribbon(s + 1, [next[lag - 1], next[lag]], [edges[lag], edges[lag + 1]]));
    edges = next;
  }
  return Object.fromEntries(Object.entries(drawn).map(([name, pieces]) => [name, pieces.join("")]));
}
