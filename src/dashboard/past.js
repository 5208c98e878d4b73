// Asks the service what a statistic was: every change where they are few, equal steps that suit the
// width where they are many, and why nothing is known where nothing is.

import { ask } from "./session.js";
import { cut, fromChanges, fromSteps, holesOf, stepOf } from "./track.js";

/** So many changes a pixel are drawn one by one. */
const CHANGES_PER_PX = 2;
/** Reasons are asked for the longest holes; there are more only where lines flap. */
const HOLES_MAX = 12;

/**
 * The last `spanMs` of a statistic for a chart of `width` pixels: `{pieces, gaps, step, to}`, where
 * `step` is 0 for every change and `to` is the service's own clock, in milliseconds since 1970.
 */
export async function past(id, spanMs, width) {
  const path = `/v1/statistics/${encodeURIComponent(id)}/history`;
  const span = `${spanMs / 1000}s`;
  const counted = await ask(`${path}?from=${span}%20ago&step=${span}&aggregate=count`);
  const to = Date.parse(counted.to);
  const count = counted.points.reduce((sum, { value }) => sum + (value ?? 0), 0);
  const step = count <= width * CHANGES_PER_PX ? 0 : stepOf(spanMs, width);
  if (step === 0) {
    const from = to - spanMs;
    return { ...fromChanges(await changes(path, from, to), from, to), step, to };
  }
  // Steps stand at the same instants whenever they are asked for.
  const from = Math.floor((to - spanMs) / step) * step;
  const steps = (aggregate) =>
    ask(`${path}?from=${from}&to=${to}&step=${step / 1000}s&aggregate=${aggregate}`);
  const [mean, low, high] = await Promise.all(["weightedMean", "min", "max"].map(steps));
  const isNumber = mean.points.some(({ value }) => value !== null);
  const { points } = isNumber ? mean : await steps("last");
  const gaps = await reasons(path, holesOf(points, step, to));
  const pieces = fromSteps(points, low.points, high.points, step, to);
  return { pieces: cut(pieces, gaps), gaps, step, to };
}

function changes(path, from, to) {
  return ask(`${path}?from=${from}&to=${to}`);
}

async function reasons(path, holes) {
  const longest = new Set([...holes].sort((a, b) => b.to - b.from - (a.to - a.from)).slice(0, HOLES_MAX));
  const found = await Promise.all(
    holes.map(async (hole) => {
      if (!longest.has(hole)) return [{ ...hole, reason: "not known" }];
      return fromChanges(await changes(path, hole.from, hole.to), hole.from, hole.to).gaps;
    }),
  );
  return found.flat();
}
