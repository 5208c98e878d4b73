// Draws a track: numbers as a stepped line in a band from lowest to highest, states as lanes; gaps
// hatched, thresholds as lines. Loaded with the first chart, so that a wall without one is no slower.

import { numberWords, stateWords } from "./format.js";
import { limits } from "./track.js";
import uPlot from "./uplot.js";

const LANES_MAX = 12;
const DAY_MS = 86_400_000;
const FONT = "13px system-ui, sans-serif";
/** Marks of an axis of seconds. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 432_000, 864_000,
];

const clockOf = (options) => new Intl.DateTimeFormat(undefined, options);
const SECONDS = clockOf({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTES = clockOf({ hour: "2-digit", minute: "2-digit" });
const DAYS = clockOf({ day: "numeric", month: "short" });

export class Plot {
  #host;
  #colour;
  #onCursor;
  #chart = null;
  /** What is shown: `{track, from, to, as, marks, lanes}`. */
  #view = null;
  #at = null;

  /**
   * `colour(name)` tells a colour of the theme, or of a state; `onCursor(time)` is called when the
   * pointer moves, with `null` when it leaves.
   */
  constructor(host, colour, onCursor) {
    this.#host = host;
    this.#colour = colour;
    this.#onCursor = onCursor;
  }

  /** Shows a track from `from` to `to`; `marks` are thresholds, `lanes` the states or `null`. */
  show(view) {
    const lanes = view.lanes?.slice(0, LANES_MAX) ?? null;
    const before = this.#view;
    this.#view = { ...view, lanes };
    const isOther = before === null || before.as !== view.as || (before.lanes === null) !== (lanes === null);
    if (isOther) this.#make();
    this.#chart.setData(this.#data(), false);
    this.#chart.batch(() => {
      this.#chart.setScale("x", { min: view.from, max: view.to });
      this.#chart.setScale("y", this.#range());
    });
    if (this.#at !== null) this.move(this.#at);
  }

  /** Puts the cursor to an instant. */
  move(time) {
    this.#at = time;
    const [left, top] = [this.#chart.valToPos(time, "x"), this.#chart.over.clientHeight / 2];
    this.#chart.setCursor({ left, top }, false);
  }

  leave() {
    this.#at = null;
    this.#chart?.setCursor({ left: -10, top: -10 }, false);
  }

  /** The width that steps have, in pixels. */
  width() {
    return this.#host.clientWidth;
  }

  /** After the theme or the size has changed. */
  refresh() {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (this.#chart === null || width === 0) return;
    if (this.#chart.width !== width || this.#chart.height !== height) this.#chart.setSize({ width, height });
    else this.#chart.redraw(false);
    if (this.#at !== null) this.move(this.#at);
  }

  clear() {
    this.#chart?.destroy();
    this.#chart = null;
    this.#view = null;
    this.#at = null;
  }

  #data() {
    const [times, values, lows, highs] = this.#view.track.columns();
    const none = () => times.map(() => null);
    // The value comes last: what is drawn later lies above.
    return this.#view.lanes === null ? [times, lows, highs, values] : [times, none(), none(), none()];
  }

  #range() {
    const { track, from, to, as, marks, lanes } = this.#view;
    if (lanes !== null) return { min: 0, max: Math.max(lanes.length, 1) };
    const { low, high } = track.sums(from, to);
    const [min, max] = limits(low, high, marks.map(({ value }) => value), as);
    return { min, max };
  }

  #make() {
    this.#chart?.destroy();
    const { as, lanes } = this.#view;
    const text = () => this.#colour("text");
    const axis = { stroke: text, font: FONT, ticks: { show: false } };
    const grid = { stroke: () => this.#colour("line"), width: 1 };
    const line = uPlot.paths.stepped({ align: 1, alignGaps: 1 });
    const edge = { paths: line, stroke: "transparent", width: 0, points: { show: false } };
    this.#chart = new uPlot({
      width: this.#host.clientWidth,
      height: this.#host.clientHeight,
      ms: 1,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
      // Both axes are set by hand: the span that is shown, and room for thresholds.
      scales: { x: { auto: false }, y: { auto: false } },
      axes: [
        { ...axis, grid, size: 30, space: 84, values: (_, splits, __, ___, step) => times(splits, step) },
        lanes === null
          ? {
              ...axis,
              grid,
              size: (_, values) => width(values),
              values: (_, splits) => splits.map((value) => numberWords(value, as)),
              ...(as === "time" ? { incrs: TIME_STEPS } : {}),
            }
          : {
              ...axis,
              grid: { show: false },
              size: (_, values) => width(values),
              splits: () => this.#view.lanes.map((_, i, all) => all.length - i - 0.5),
              values: () => this.#view.lanes.map(stateWords),
            },
      ],
      series: [
        {},
        edge,
        edge,
        { paths: line, stroke: () => this.#colour("value"), width: 2, points: { show: false } },
      ],
      bands: [{ series: [2, 1], fill: () => this.#colour("band") }],
      hooks: {
        // Beneath the grid and the line.
        drawClear: [(chart) => this.#drawGaps(chart)],
        draw: [(chart) => (this.#view.lanes === null ? this.#drawMarks(chart) : this.#drawLanes(chart))],
        setCursor: [(chart) => this.#pointed(chart)],
      },
    }, this.#data(), this.#host);
    this.#chart.over.addEventListener("pointermove", (event) => {
      // What a mouse does is seen to; a finger would only tap.
      if (event.pointerType === "mouse") return;
      const time = this.#chart.posToVal(event.offsetX, "x");
      this.move(time);
      this.#onCursor(time);
    });
  }

  #pointed({ cursor }) {
    // Laying out anew moves the cursor as well, which is nobody pointing.
    if (cursor.event === undefined || cursor.event === null) return;
    this.#at = cursor.left >= 0 ? this.#chart.posToVal(cursor.left, "x") : null;
    this.#onCursor(this.#at);
  }

  /** A time without a value is hatched, and says why if there is room. */
  #drawGaps({ ctx, bbox }) {
    const { track } = this.#view;
    const unit = devicePixelRatio;
    for (const gap of track.gaps) {
      const [left, right] = across(this.#chart, gap.from, gap.to);
      if (right <= left) continue;
      const wide = Math.max(right - left, 2 * unit);
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, bbox.top, wide, bbox.height);
      ctx.clip();
      // Before anything was recorded there is nothing to doubt.
      const [ink, ground] = gap.reason === "not recorded" ? ["quiet", "page"] : ["gap", "gap-ground"];
      ctx.fillStyle = this.#colour(ground);
      ctx.fillRect(left, bbox.top, wide, bbox.height);
      if (ink === "gap") hatch(ctx, left, wide, bbox, this.#colour(ink));
      ctx.restore();
      // At the foot: words of thresholds stand higher.
      label(ctx, gap.reason, left, wide, bbox.top + bbox.height - 22 * unit, this.#colour(ink), this.#colour(ground));
    }
  }

  #drawMarks(chart) {
    const { ctx, bbox } = chart;
    const unit = devicePixelRatio;
    ctx.save();
    for (const { value, name, words } of this.#view.marks) {
      const y = Math.round(chart.valToPos(value, "y", true));
      ctx.strokeStyle = this.#colour(name);
      ctx.lineWidth = 2 * unit;
      ctx.setLineDash([8 * unit, 5 * unit]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.font = scaled(unit, 600);
      ctx.textAlign = "left";
      // Beneath its line where there is no room above it.
      const isHigh = y - bbox.top < 18 * unit;
      ctx.textBaseline = isHigh ? "top" : "bottom";
      const [left, top] = [bbox.left + 4 * unit, y + (isHigh ? 3 : -3) * unit];
      ctx.strokeStyle = this.#colour("ground");
      ctx.lineWidth = 4 * unit;
      ctx.lineJoin = "round";
      ctx.strokeText(words, left, top);
      ctx.fillStyle = this.#colour(name);
      ctx.fillText(words, left, top);
    }
    ctx.restore();
  }

  #drawLanes(chart) {
    const { ctx } = chart;
    const { track, lanes } = this.#view;
    ctx.fillStyle = this.#colour("line");
    for (let i = 1; i < lanes.length; i += 1) {
      const y = Math.round(chart.valToPos(i, "y", true));
      ctx.fillRect(chart.bbox.left, y, chart.bbox.width, devicePixelRatio);
    }
    for (const one of track.pieces) {
      const lane = lanes.indexOf(one.value);
      const [left, right] = across(chart, one.from, one.to);
      if (lane < 0 || right < left) continue;
      const top = chart.valToPos(lanes.length - lane - 0.12, "y", true);
      const bottom = chart.valToPos(lanes.length - lane - 0.88, "y", true);
      ctx.fillStyle = this.#colour(one.value);
      ctx.fillRect(left, top, Math.max(right - left, devicePixelRatio), bottom - top);
    }
  }
}

/** Where a stretch of time stands on the canvas, as far as it is shown. */
function across(chart, from, to) {
  const { left, width } = chart.bbox;
  const x = (time) => Math.min(Math.max(chart.valToPos(time, "x", true), left), left + width);
  return [x(from), x(to)];
}

function hatch(ctx, left, wide, { top, height }, ink) {
  const unit = devicePixelRatio;
  ctx.strokeStyle = ink;
  ctx.lineWidth = unit;
  ctx.globalAlpha = 0.5;
  ctx.beginPath();
  // The hatching hangs on the gap, so that it moves with it.
  for (let x = left - height; x < left + wide; x += 9 * unit) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.strokeRect(left, top - unit, wide, height + 2 * unit);
}

function label(ctx, words, left, wide, top, colour, ground) {
  const unit = devicePixelRatio;
  ctx.save();
  ctx.font = scaled(unit, 600);
  const length = ctx.measureText(words).width;
  if (length + 12 * unit < wide) {
    const middle = left + wide / 2;
    ctx.fillStyle = ground;
    ctx.fillRect(middle - length / 2 - 4 * unit, top, length + 8 * unit, 18 * unit);
    ctx.fillStyle = colour;
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    ctx.fillText(words, middle, top + 2 * unit);
  }
  ctx.restore();
}

function scaled(unit, weight) {
  return `${weight} ${13 * unit}px system-ui, sans-serif`;
}

/** Room for the words of an upright axis, in pixels. */
function width(values) {
  const longest = Math.max(0, ...(values ?? []).map((words) => words.length));
  return 18 + longest * 7;
}

function times(splits, step) {
  let day = "";
  return splits.map((time) => {
    const date = DAYS.format(time);
    const isNew = day !== "" && day !== date;
    day = date;
    if (step >= DAY_MS || isNew) return date;
    return (step < 60_000 ? SECONDS : MINUTES).format(time);
  });
}
