// What a chart shows: the pieces of a span of time in which one value held, the gaps between them
// with their reasons, and what is told while the chart is open. Pure: nothing here touches the page.

const S = 1000;
const MIN = 60 * S;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

/** The spans a chart may have, by their names in the page's address, in milliseconds. */
export const SPANS = new Map([
  ["15m", 15 * MIN],
  ["1h", HOUR],
  ["8h", 8 * HOUR],
  ["24h", DAY],
  ["7d", 7 * DAY],
  ["30d", 30 * DAY],
]);
export const SPAN_WORDS = {
  "15m": "15 min", "1h": "1 h", "8h": "8 h", "24h": "24 h", "7d": "7 d", "30d": "30 d",
};

const STEPS = [
  S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S,
  MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY,
];
/** A step takes so many pixels at least. */
const STEP_PX = 2;

/** The shortest step that can be told from its neighbours on `width` pixels. */
export function stepOf(spanMs, width) {
  const least = (spanMs * STEP_PX) / Math.max(width, 1);
  return STEPS.find((step) => step >= least) ?? DAY;
}

/** A value as a chart takes it: a number, the name of a state, a text; `null` is none. */
export function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return value;
  return "raw" in value ? "not understood" : String(value.status);
}

/** Pieces from changes as the service tells them; the last one holds until `to`. */
export function fromChanges({ before, samples, gaps }, from, to) {
  const points = before === null ? samples : [{ ...before, time: from }, ...samples];
  const pieces = points.flatMap((point, i) => {
    const value = plain(point.value);
    if (value === null) return [];
    const end = i + 1 < points.length ? instant(points[i + 1].time) : to;
    return [piece(Math.max(instant(point.time), from), end, value)];
  });
  const holes = gaps.map((gap) => ({
    from: Math.max(instant(gap.from), from),
    to: gap.to === null ? to : Math.min(instant(gap.to), to),
    reason: gap.reason,
  }));
  return { pieces: cut(pieces, holes), gaps: holes.filter((gap) => gap.to > gap.from) };
}

/** Pieces from equal steps. `low` and `high` are the same steps' least and greatest values. */
export function fromSteps(points, low, high, step, to) {
  return points.flatMap((point, i) => {
    const value = plain(point.value);
    if (value === null) return [];
    const from = instant(point.time);
    const whole = piece(from, Math.min(from + step, to), value);
    return [{ ...whole, low: low[i]?.value ?? value, high: high[i]?.value ?? value }];
  });
}

/** The stretches of time of which steps know less than everything. */
export function holesOf(points, step, to) {
  const holes = [];
  for (const { time, known } of points) {
    const from = instant(time);
    const end = Math.min(from + step, to);
    if (known * S > end - from - 1) continue;
    if (holes.at(-1)?.to === from) holes.at(-1).to = end;
    else holes.push({ from, to: end });
  }
  return holes;
}

/** Pieces without what lies in gaps. */
export function cut(pieces, gaps) {
  let left = pieces;
  for (const gap of gaps) {
    left = left.flatMap((one) => {
      if (gap.to <= one.from || gap.from >= one.to) return [one];
      return [{ ...one, to: gap.from }, { ...one, from: gap.to }].filter((it) => it.to > it.from);
    });
  }
  return left.filter((one) => one.to > one.from);
}

function piece(from, to, value) {
  return { from, to, value, low: value, high: value };
}

function instant(time) {
  return typeof time === "number" ? time : Date.parse(time);
}

/** History, and what was told since. The last piece or gap is open: it lasts until now. */
export class Track {
  #grainMs;

  /** Values closer together than `grainMs` become one piece: no pixel shows both. */
  constructor({ pieces, gaps }, grainMs) {
    this.pieces = pieces;
    this.gaps = gaps;
    this.#grainMs = grainMs;
  }

  /** From `time` on it was `value`; `null`: nobody vouches for one, because of `reason`. */
  tell(time, value, reason = "") {
    const last = this.pieces.at(-1);
    const gap = this.gaps.at(-1);
    const isGap = gap !== undefined && (last === undefined || gap.to > last.from) && gap.isOpen;
    if (value === null) {
      if (isGap) gap.reason = reason;
      // The service has told the reason already.
      else if (gap !== undefined && gap.to >= time) gap.isOpen = true;
      else {
        if (last) last.to = Math.max(last.from, Math.min(last.to, time));
        this.gaps.push({ from: time, to: time, reason, isOpen: true });
      }
      return;
    }
    if (isGap) {
      gap.to = time;
      gap.isOpen = false;
    }
    const isHeld = !isGap && last !== undefined;
    if (isHeld && last.value === value) return;
    const isNumber = typeof value === "number" && typeof last?.value === "number";
    if (isHeld && isNumber && time - last.from < this.#grainMs) {
      last.value = value;
      last.low = Math.min(last.low, value);
      last.high = Math.max(last.high, value);
      return;
    }
    if (isHeld) last.to = Math.max(last.from, time);
    this.pieces.push(piece(time, time, value));
  }

  /** Lets what is open last until `now`, and forgets what is over before `from`. */
  slide(from, now) {
    const gap = this.gaps.at(-1);
    if (gap?.isOpen) gap.to = Math.max(gap.to, now);
    else if (this.pieces.length > 0) this.pieces.at(-1).to = Math.max(this.pieces.at(-1).to, now);
    while (this.pieces.length > 0 && this.pieces[0].to < from) this.pieces.shift();
    while (this.gaps.length > 0 && this.gaps[0].to < from) this.gaps.shift();
  }

  /** The piece or the gap at an instant: `{piece}`, `{gap}` or nothing. */
  at(time) {
    const holds = (one) => one.from <= time && time < one.to;
    const gap = this.gaps.find(holds);
    if (gap !== undefined) return { gap };
    return { piece: this.pieces.find(holds) ?? this.pieces.findLast((one) => one.to === time) };
  }

  /** Columns for a chart of steps: instants, values, lowest, highest; `null` where a gap begins. */
  columns() {
    const [times, values, lows, highs] = [[], [], [], []];
    const put = (time, value, low, high) => {
      times.push(time);
      values.push(value);
      lows.push(low);
      highs.push(high);
    };
    this.pieces.forEach((one, i) => {
      put(one.from, one.value, one.low, one.high);
      const next = this.pieces[i + 1];
      if (next === undefined) put(one.to, one.value, one.low, one.high);
      else if (next.from > one.to) put(one.to, null, null, null);
    });
    return [times, values, lows, highs];
  }

  isNumeric() {
    return this.pieces.every((one) => typeof one.value === "number");
  }

  /** Of a span: lowest, highest, mean by time, and the share of it that is known. */
  sums(from, to) {
    let [low, high, area, known] = [Infinity, -Infinity, 0, 0];
    for (const one of this.pieces) {
      const length = Math.min(one.to, to) - Math.max(one.from, from);
      if (length <= 0) continue;
      low = Math.min(low, one.low);
      high = Math.max(high, one.high);
      area += one.value * length;
      known += length;
    }
    return { low, high, mean: area / known, known: known / (to - from) };
  }

  /** How long each value held in a span, in milliseconds, the longest first. */
  lasted(from, to) {
    const lengths = new Map();
    for (const one of this.pieces) {
      const length = Math.min(one.to, to) - Math.max(one.from, from);
      if (length > 0) lengths.set(one.value, (lengths.get(one.value) ?? 0) + length);
    }
    return [...lengths].sort(([, a], [, b]) => b - a);
  }
}

/** Where a chart's upright axis begins and ends. Counts begin at zero, if that leaves room to see. */
export function limits(low, high, marks, as) {
  const all = [low, high, ...marks].filter(Number.isFinite);
  if (all.length === 0) return [0, 1];
  let [least, most] = [Math.min(...all), Math.max(...all)];
  if (as === "percent" && least >= 0 && most <= 100) return [0, 105];
  if (least >= 0 && least <= most * 0.6) least = 0;
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return [least === 0 ? 0 : least - room, most + room];
}
