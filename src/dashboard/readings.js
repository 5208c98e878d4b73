// What stands around a chart in words: the value now, the cursor's reading, key, sums and gaps.

import {
  ageWords, duration, kindOf, levelOf, measure, moment, stateWords, stretch, valueWords,
} from "./format.js";

const GAPS_MAX = 50;
/** What the service's reasons for gaps mean. */
const REASONS = {
  "not recorded": "nothing was recorded yet",
  "link down": "link down: no Stat Server was connected",
  invalid: "the Stat Server called it invalid",
  restart: "restart of the service",
  closed: "closed: nobody had asked for it",
  lost: "lost before it was written",
  damaged: "damaged on the disk",
};
const HINT = "Point at the chart, or use the arrow keys.";

export function clear(dialog) {
  for (const selector of ["#readout", "#chart-sums", "#chart-now span", "#chart-now small"]) {
    write(dialog, selector, "");
  }
  for (const selector of ["#chart-key", "#gaps"]) fill(dialog, selector, []);
  dialog.querySelector("#gaps-title").hidden = true;
}

/** The value now, and whether anybody vouches for it. */
export function now(dialog, tile, isUp) {
  const { value, quality = "waiting" } = tile.known ?? {};
  const isDoubted = quality !== "good" || !isUp;
  write(dialog, "#chart-now span", valueWords(quality === "waiting" ? undefined : value, tile.pin.as));
  const doubt = quality === "bad" ? tile.refusal || "refused" : `not confirmed, ${ageWords(tile.age())}`;
  write(dialog, "#chart-now small", isDoubted ? doubt : "");
  const node = dialog.querySelector("#chart-now");
  node.toggleAttribute("data-doubt", isDoubted);
  node.dataset.level = isDoubted ? "" : levelOf(measure(value, Date.now()), tile.pin);
}

/** What was at an instant; without one, how to name one. */
export function at(track, time, as) {
  if (time === null) return HINT;
  const { piece, gap } = track.at(time);
  if (gap) return `${moment(time)}: no value, ${reason(gap)}, ${stretch(gap.from, gap.to)}`;
  if (!piece) return `${moment(time)}: nothing known`;
  if (typeof piece.value !== "number") {
    return `${moment(time)}: ${stateWords(piece.value)}, ${stretch(piece.from, piece.to)}`;
  }
  const range =
    piece.low === piece.high ? "" : `, from ${valueWords(piece.low, as)} to ${valueWords(piece.high, as)}`;
  return `${moment(time)}: ${valueWords(piece.value, as)}${range}`;
}

/** What each colour means; of states, how long each lasted. */
export function key(dialog, { track, from, to, marks, lasted, isNumber, step }) {
  const rows = [];
  if (isNumber) {
    rows.push(row({ className: "line" }, step === 0 ? "value" : `mean of each ${stepWords(step)}`));
    if (step > 0) rows.push(row({ className: "band" }, "its lowest to its highest"));
  }
  for (const [value, length] of lasted) {
    const share = Math.round((length / (to - from)) * 100);
    const node = row({}, `${stateWords(value)} `, `${duration(length / 1000)} (${share} %)`);
    node.dataset.kind = kindOf(value);
    rows.push(node);
  }
  for (const { name, words } of marks) rows.push(row({ className: name }, words));
  const isGap = (gap) => gap.reason !== "not recorded";
  if (track.gaps.some(isGap)) rows.push(row({ className: "gap" }, "gap: nobody vouched for a value"));
  if (!track.gaps.every(isGap)) rows.push(row({ className: "before" }, "not recorded"));
  fill(dialog, "#chart-key", rows);
}

/** A span in a line. */
export function sums(dialog, { track, from, to, isNumber, as }) {
  const { low, high, mean, known } = track.sums(from, to);
  const share = `Known of ${percent(known)} of this span.`;
  const isSummed = isNumber && Number.isFinite(low);
  const told = (value) => valueWords(as === "time" ? value : Math.round(value * 100) / 100, as);
  const words = isSummed
    ? `Lowest ${told(low)}, mean ${told(mean)}, highest ${told(high)}. ${share}`
    : share;
  write(dialog, "#chart-sums", words);
}

/** Every gap with its reason, the newest first. */
export function gaps(dialog, all) {
  const rows = all
    .filter((gap) => gap.to - gap.from >= 1)
    .slice(-GAPS_MAX)
    .reverse()
    .map((gap) => `${gap.isOpen ? `since ${moment(gap.from)}` : stretch(gap.from, gap.to)}: ${reason(gap)}`);
  dialog.querySelector("#gaps-title").hidden = rows.length === 0;
  dialog.querySelector("#gaps").hidden = rows.length === 0;
  fill(dialog, "#gaps", rows.map((words) => Object.assign(document.createElement("li"), { textContent: words })));
}

function reason(gap) {
  return REASONS[gap.reason] ?? gap.reason;
}

function percent(share) {
  // Nothing but all of it is a hundred.
  const whole = Math.floor(share * 1000) / 10;
  return `${Math.min(whole, 100)} %`;
}

function stepWords(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} min`;
  return seconds < 86_400 ? `${seconds / 3600} h` : "day";
}

function row(settings, words, figures = "") {
  const node = Object.assign(document.createElement("li"), settings);
  const strong = document.createElement("b");
  strong.textContent = figures;
  node.append(document.createElement("i"), words, strong);
  return node;
}

function write(dialog, selector, text) {
  const node = dialog.querySelector(selector);
  if (node.textContent !== text) node.textContent = text;
}

/** Replaces a list's rows if they read differently. */
function fill(dialog, selector, rows) {
  const list = dialog.querySelector(selector);
  const isSame = (node, i) => node.isEqualNode(rows[i]);
  if (list.children.length === rows.length && [...list.children].every(isSame)) return;
  list.replaceChildren(...rows);
}
