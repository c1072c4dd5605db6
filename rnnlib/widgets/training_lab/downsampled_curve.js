/**
 * A curve that grows for ever in a few hundred places: of the values that share one, the least and the largest stay, so
 * that no peak is lost, and the mean of the last `span` values at its end.
 */

const PLACES = 1024; // more than a figure has pixels across, even after places were joined

export class DecimatedCurve {
  /** @param {number} span  the values of one reading of the text: over these, hard windows and easy ones even out */
  constructor(span) {
    this.low = new Float64Array(PLACES);
    this.high = new Float64Array(PLACES);
    this.smooth = new Float64Array(PLACES);
    this.ring = new Float64Array(span);
    this.weights = new Float64Array(span);
    this.length = 0; // values added
    this.size = 1; // values in a place
    this.sum = 0; // of the ring
    this.weight = 0;
    this.level = NaN; // the mean
  }

  /** weight: how often the value counts in the mean */
  add(value, weight = 1) {
    if (this.length === PLACES * this.size) this.join();
    const { ring, weights } = this;
    const at = this.length % ring.length;
    const part = weight * value;
    this.sum += part - ring[at];
    this.weight += weight - weights[at];
    [ring[at], weights[at]] = [part, weight];
    if (at === ring.length - 1) this.sum = ring.reduce((sum, each) => sum + each, 0); // without what rounding left
    this.level = this.sum / this.weight; // no number while nothing counts
    const i = Math.floor(this.length / this.size);
    if (this.length % this.size === 0) this.low[i] = this.high[i] = value;
    else if (value < this.low[i]) this.low[i] = value;
    else if (value > this.high[i]) this.high[i] = value;
    this.smooth[i] = this.level;
    this.length += 1;
  }

  join() {
    for (let i = 0; i < PLACES / 2; i++) {
      this.low[i] = Math.min(this.low[2 * i], this.low[2 * i + 1]);
      this.high[i] = Math.max(this.high[2 * i], this.high[2 * i + 1]);
      this.smooth[i] = this.smooth[2 * i + 1];
    }
    this.size *= 2;
  }

  /** How many places hold something. */
  get places() {
    return Math.ceil(this.length / this.size);
  }

  /** The number of values up to the end of place i. */
  end(i) {
    return Math.min(this.length, (i + 1) * this.size);
  }

  /** A curve of its own that goes on no more. */
  copy() {
    const other = new DecimatedCurve(1);
    for (const name of ["low", "high", "smooth"]) other[name].set(this[name]);
    return Object.assign(other, { length: this.length, size: this.size, level: this.level });
  }
}
