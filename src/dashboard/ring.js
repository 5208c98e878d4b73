// The last minutes of one value, kept in the page alone, and their small chart. A time without a
// trustworthy value is a gap, never a line. Pure: nothing here touches the page.

export const SPAN_MS = 5 * 60 * 1000;
const LENGTH = 150;
/** Changes closer together than this replace one another: a ring always holds its whole span. */
const STEP_MS = SPAN_MS / LENGTH;

export class Ring {
  #times = new Float64Array(LENGTH);
  /** NaN where there was nothing to trust. */
  #values = new Float64Array(LENGTH);
  #count = 0;
  #next = 0;

  /** Notes that from `time` on the value was `value`; `null`: that there was none to trust. */
  push(time, value) {
    const number = value ?? NaN;
    const last = (this.#next + LENGTH - 1) % LENGTH;
    if (this.#count > 0) {
      if (Object.is(this.#values[last], number)) return;
      // A gap is kept however short it was.
      const isGap = Number.isNaN(this.#values[last]) || Number.isNaN(number);
      if (!isGap && this.#count > 1 && time - this.#times[last] < STEP_MS) {
        this.#values[last] = number;
        return;
      }
    }
    this.#times[this.#next] = time;
    this.#values[this.#next] = number;
    this.#next = (this.#next + 1) % LENGTH;
    this.#count = Math.min(this.#count + 1, LENGTH);
  }

  /** The chart as the `d` of an SVG path. Values hold until the next one, so lines are steps. */
  path(now, width, height) {
    const start = now - SPAN_MS;
    const [low, high] = this.#range();
    const x = (time) => (((Math.max(time, start) - start) / SPAN_MS) * width).toFixed(1);
    const y = (value) =>
      (high === low ? height / 2 : height - 1 - ((value - low) / (high - low)) * (height - 2)).toFixed(1);
    let path = "";
    let drawing = false;
    for (let i = 0; i < this.#count; i += 1) {
      const at = this.#at(i);
      const value = this.#values[at];
      const end = i + 1 < this.#count ? this.#times[this.#at(i + 1)] : now;
      if (Number.isNaN(value) || end < start) {
        drawing = false;
        continue;
      }
      path += drawing ? `V${y(value)}` : `M${x(this.#times[at])} ${y(value)}`;
      path += `H${x(end)}`;
      drawing = true;
    }
    return path;
  }

  #at(i) {
    return (this.#next + LENGTH - this.#count + i) % LENGTH;
  }

  #range() {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < this.#count; i += 1) {
      const value = this.#values[this.#at(i)];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  }
}
