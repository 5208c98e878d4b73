// The dialog of one statistic's past: its chart over a span, live while it is open. Which one is
// open, and its span, are part of the wall, and so of the page's address.

import { kindOf, levelsOf, stateWords } from "./format.js";
import { past } from "./past.js";
import * as readings from "./readings.js";
import { plain, SPANS, SPAN_WORDS, Track } from "./track.js";
import { parts } from "./wall.js";

const DRAW_MS = 500;
/** What was drawn live becomes history as the service tells it, a gap's reason with it. */
const RELOAD_MS = 60_000;
const SETTLE_MS = 1500;
/** An arrow key moves the cursor by this share of the span, with Shift by ten of it. */
const STRIDE = 0.01;
const KINDS = ["ready", "call", "ringing", "after", "away", "off", "other"];

export class Chart {
  #dialog = document.getElementById("chart");
  #surface = document.getElementById("plot");
  #probe = document.createElement("i");
  #colours = new Map();
  #page;
  #plot = null;
  #tile = null;
  #span = "";
  #id = "";
  #track = null;
  #step = 0;
  /** By how much the service's clock is ahead of this one. */
  #ahead = 0;
  #at = null;
  #isSound = false;
  #isDirty = false;
  #drawn = 0;
  #round = 0;
  #timer = 0;
  #reload = 0;

  /** `page` is what the dialog needs of the page: `tile(text)`, `isUp()`, `changed(settings)`, `edit(tile)`. */
  constructor(page) {
    this.#page = page;
    const spans = [...SPANS.keys()].map((span) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: SPAN_WORDS[span] });
      button.dataset.span = span;
      button.addEventListener("click", () => page.changed({ span }));
      return button;
    });
    document.getElementById("spans").replaceChildren(...spans);
    const on = (target, name, act) => target.addEventListener(name, act);
    on(this.#part(".close"), "click", () => this.#dialog.close());
    on(this.#part("#chart-settings"), "click", () => page.edit(this.#tile));
    on(this.#dialog, "close", () => this.#closed());
    on(this.#surface, "keydown", (event) => this.#walk(event));
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#repaint());
    new ResizeObserver(() => this.#plot?.refresh()).observe(this.#surface);
    this.#probe.hidden = true;
    this.#dialog.append(this.#probe);
  }

  /** Shows what the wall says: a chart, another one, or none. */
  sync({ chart, span }) {
    const tile = chart === undefined ? undefined : this.#page.tile(chart);
    if (tile === undefined) {
      if (this.#tile !== null) this.#dialog.close();
      return;
    }
    if (tile !== this.#tile) this.#begin(tile);
    this.#title();
    if (span !== this.#span) {
      this.#span = span;
      for (const button of document.getElementById("spans").children) {
        button.setAttribute("aria-pressed", String(button.dataset.span === span));
      }
      this.#load();
    }
    this.#repaint();
  }

  #begin(tile) {
    this.#stop();
    this.#tile = tile;
    tile.watcher = () => this.#told();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#timer = setInterval(() => this.#beat(), DRAW_MS);
  }

  /** By Escape, a button, or because it is no longer on the wall. */
  #closed() {
    const button = this.#tile?.button;
    this.#stop();
    this.#page.changed({ chart: undefined });
    if (button?.isConnected) button.focus();
  }

  #stop() {
    if (this.#tile !== null) this.#tile.watcher = null;
    clearInterval(this.#timer);
    clearTimeout(this.#reload);
    this.#plot?.clear();
    [this.#tile, this.#track, this.#at, this.#span, this.#id] = [null, null, null, "", ""];
    this.#round += 1;
    this.#say("");
    readings.clear(this.#dialog);
  }

  async #load() {
    const round = (this.#round += 1);
    const isOver = () => round !== this.#round;
    clearTimeout(this.#reload);
    this.#id = this.#tile.known?.id ?? "";
    if (this.#id === "") {
      this.#say(this.#tile.refusal || "Nothing is known of it yet.");
      return;
    }
    const spanMs = SPANS.get(this.#span);
    this.#surface.setAttribute("aria-busy", "true");
    try {
      // Brought with the first chart: a wall without one is no slower.
      const { Plot } = await import("./plot.js");
      this.#plot ??= new Plot(this.#surface, (name) => this.#colour(name), (at) => this.#point(at));
      const width = Math.max(this.#plot.width(), 100);
      const found = await past(this.#id, spanMs, width);
      if (isOver()) return;
      this.#ahead = found.to - Date.now();
      this.#step = found.step;
      this.#track = new Track(found, spanMs / width);
      this.#say("");
      this.#tell(found.to);
      this.#draw();
    } catch (error) {
      if (isOver()) return;
      this.#say(`The past cannot be asked for now: ${error.message}`);
    }
    this.#surface.setAttribute("aria-busy", "false");
    this.#loadLater(RELOAD_MS);
  }

  #loadLater(delay) {
    clearTimeout(this.#reload);
    this.#reload = setTimeout(() => {
      if (document.hidden) this.#loadLater(RELOAD_MS);
      else this.#load();
    }, delay);
  }

  /** The tile was told something. */
  #told() {
    this.#isDirty = true;
    const id = this.#tile.known?.id ?? "";
    if (id !== this.#id && id !== "") this.#load();
    else this.#tell(this.#now());
  }

  #tell(time) {
    const { value, quality } = this.#tile.known ?? {};
    const wasSound = this.#isSound;
    this.#isSound = this.#page.isUp() && quality === "good";
    if (this.#isSound && !wasSound && this.#track !== null) this.#loadLater(SETTLE_MS);
    const why = this.#page.isUp() ? "not confirmed" : "this page has no connection";
    this.#track?.tell(time, this.#isSound ? plain(value) : null, why);
  }

  #now() {
    return Date.now() + this.#ahead;
  }

  /** Draws what was told, and time going by once it makes a pixel. */
  #beat() {
    if (document.hidden) return;
    const isDue = performance.now() - this.#drawn > SPANS.get(this.#span) / this.#surface.clientWidth;
    if (this.#isDirty || isDue) this.#draw();
    else readings.now(this.#dialog, this.#tile, this.#page.isUp());
  }

  #draw() {
    this.#isDirty = false;
    this.#drawn = performance.now();
    const tile = this.#tile;
    readings.now(this.#dialog, tile, this.#page.isUp());
    if (this.#track === null || this.#plot === null) return;
    const to = this.#now();
    const from = to - SPANS.get(this.#span);
    const track = this.#track;
    track.slide(from, to);
    const isNumber = track.pieces.length > 0 ? track.isNumeric() : typeof tile.known?.value === "number";
    const lasted = isNumber ? [] : track.lasted(from, to).sort(byKind);
    const marks = isNumber ? levelsOf(tile.pin) : [];
    const lanes = isNumber ? null : lasted.map(([value]) => value);
    this.#plot.show({ track, from, to, as: tile.pin.as, marks, lanes });
    const shown = { track, from, to, marks, lasted, isNumber, as: tile.pin.as, step: this.#step };
    readings.key(this.#dialog, shown);
    readings.sums(this.#dialog, shown);
    readings.gaps(this.#dialog, track.gaps);
    this.#read(from, to);
  }

  /** What the cursor stands at, for eyes and for those who are read to. */
  #read(from, to) {
    const at = this.#at === null ? null : Math.min(Math.max(this.#at, from), to);
    const words = readings.at(this.#track, at, this.#tile.pin.as);
    const surface = this.#surface;
    surface.setAttribute("aria-valuemin", String(Math.round(from / 1000)));
    surface.setAttribute("aria-valuemax", String(Math.round(to / 1000)));
    surface.setAttribute("aria-valuenow", String(Math.round((at ?? to) / 1000)));
    surface.setAttribute("aria-valuetext", words);
    this.#part("#readout").textContent = words;
  }

  #point(at) {
    this.#at = at;
    if (this.#track === null) return;
    const to = this.#now();
    const from = to - SPANS.get(this.#span);
    this.#track.slide(from, to);
    this.#read(from, to);
  }

  #walk(event) {
    if (this.#track === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = this.#now();
    const span = SPANS.get(this.#span);
    const stride = span * STRIDE * (event.shiftKey ? 10 : 1);
    const at = this.#at ?? to;
    const next = {
      ArrowLeft: at - stride,
      ArrowDown: at - stride,
      ArrowRight: at + stride,
      ArrowUp: at + stride,
      PageDown: at - span / 10,
      PageUp: at + span / 10,
      Home: to - span,
      End: to,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const held = Math.min(Math.max(next, to - span), to);
    this.#plot.move(held);
    this.#point(held);
  }

  #title() {
    const { pin } = this.#tile;
    const { metric, objectType, objectId, tenant } = parts(pin.text);
    this.#part("#chart-title").textContent = pin.name ?? metric;
    const of = `${objectId} · ${objectType} · ${tenant}`;
    this.#part(".object").textContent = pin.name ? `${metric} · ${of}` : of;
  }

  /** Colours, thresholds or the name may be others now. */
  #repaint() {
    this.#colours.clear();
    if (this.#track === null) return;
    this.#draw();
    this.#plot.refresh();
  }

  /** A colour of the theme, as a canvas takes it. */
  #colour(name) {
    let colour = this.#colours.get(name);
    if (colour === undefined) {
      this.#probe.style.color = `var(--${COLOURS[name] ?? laneOf(name)})`;
      colour = getComputedStyle(this.#probe).color;
      this.#colours.set(name, colour);
    }
    return colour;
  }

  #say(words) {
    this.#part(".fault").textContent = words;
  }

  #part(selector) {
    return this.#dialog.querySelector(selector);
  }
}

/** What the chart draws, by the theme's names. */
const COLOURS = {
  text: "text", quiet: "quiet", page: "page", line: "line", ground: "card", value: "accent", band: "band",
  gap: "doubt", "gap-ground": "doubt-card", warning: "doubt", critical: "fault",
};

/** Lanes keep their places: kinds in a fixed order, names within them. */
function byKind([a], [b]) {
  const rank = (value) => KINDS.indexOf(kindOf(value));
  return rank(a) - rank(b) || stateWords(a).localeCompare(stateWords(b));
}

function laneOf(status) {
  const kind = kindOf(status);
  return kind === "other" ? "accent" : `lane-${kind}`;
}
