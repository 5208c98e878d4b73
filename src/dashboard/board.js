// All tiles, in their groups. Collects what is told and writes it to the page a few times a second,
// what is in sight only, so that thousands of updates a second leave time for the person.

import { Tile } from "./tile.js";
import { pins } from "./wall.js";

/** Nobody reads figures faster than that; every frame costs layout and paint whatever changed. */
const EVERY_MS = 250;
/** The same behind a dialog, where somebody types. */
const BEHIND_MS = 1000;
/** Milliseconds of a frame that tiles may take. */
const BUDGET_MS = 6;
/** A small chart's pixel is some two seconds wide: each is drawn every fourth second. */
const CHART_EVERY = 4;
/** Milliseconds a second for tiles out of sight, which searching the page and screen readers find. */
const UNSEEN_MS = 2;
/** Browsers that do not tell which tiles they skip have every tile written. */
const TELLS_SIGHT = "oncontentvisibilityautostatechange" in document.documentElement;

export class Board {
  #tiles = new Map();
  #byId = new Map();
  #dirty = new Set();
  #frame = 0;
  #isUp = false;
  /** What stands where: nodes are moved only when it changes. */
  #order = "";
  #root;
  #templates;
  #onOpen;
  #drawn = 0;
  #every = EVERY_MS;
  #ticks = 0;
  /** The tiles out of sight that are to be written, as far as this second's time did not do. */
  #unseen = [].values();

  constructor(root, templates, onOpen) {
    this.#root = root;
    this.#templates = templates;
    this.#onOpen = onOpen;
    // The browser finds out anyway what it may skip (tile.css): to be told costs nothing, an
    // observer of our own as much again, every frame.
    root.addEventListener("contentvisibilityautostatechange", (event) => this.#see(event));
    setInterval(() => this.#tick(), 1000);
    root.addEventListener("keydown", (event) => this.#walk(event));
    root.addEventListener("click", ({ target }) => {
      const tile = target.closest(".tile")?.tile;
      // Who marks a text to copy it wants no chart.
      const isMarked = !target.closest("button") && !getSelection().isCollapsed;
      if (tile !== undefined && !isMarked) this.#onOpen(tile);
    });
  }

  /** Makes the page as the wall is, keeping the tiles that stay. */
  arrange(wall) {
    const wanted = new Map(pins(wall).map((pin) => [pin.text, pin]));
    for (const [text, tile] of this.#tiles) {
      if (!wanted.has(text)) this.#drop(text, tile);
    }
    for (const [text, pin] of wanted) {
      const tile = this.#tiles.get(text);
      if (tile === undefined) this.#make(text, pin);
      else {
        tile.rename(pin);
        this.#mark(tile);
      }
    }
    const places = wall.groups.map(({ name, pins }) => [name, ...pins.map((pin) => pin.text)]);
    const order = JSON.stringify(places);
    if (order === this.#order) return;
    this.#order = order;
    const focused = document.activeElement;
    this.#root.replaceChildren(...wall.groups.map((group) => this.#section(group)));
    if (this.#root.contains(focused)) focused.focus();
  }

  #make(text, pin) {
    const tile = new Tile(pin, this.#templates.tile);
    tile.node.tile = tile;
    this.#tiles.set(text, tile);
    tile.isVisible = !TELLS_SIGHT;
    this.#mark(tile);
  }

  #drop(text, tile) {
    this.#tiles.delete(text);
    this.#dirty.delete(tile);
    if (tile.known?.id) this.#byId.delete(tile.known.id);
  }

  #section(group) {
    const section = this.#templates.group.content.firstElementChild.cloneNode(true);
    const heading = section.querySelector("h2");
    heading.textContent = group.name || "Pinned";
    heading.hidden = group.name === "";
    section.setAttribute("aria-label", group.name || "Pinned");
    const nodes = group.pins.map((pin) => this.#tiles.get(pin.text)?.node);
    section.querySelector("ul").append(...nodes.filter((node) => node !== undefined));
    return section;
  }

  /** Takes a statistic's new state; `text` is ours where the id is new to us. */
  tell(text, statistic) {
    const tile = text === null ? this.#byId.get(statistic.id) : this.#tiles.get(text);
    if (tile === undefined) return;
    if (statistic.id) this.#byId.set(statistic.id, tile);
    tile.tell(statistic, this.#isUp);
    this.#mark(tile);
  }

  /** The tile of a pin. */
  tile(text) {
    return this.#tiles.get(text);
  }

  refuse(text, detail) {
    const tile = this.#tiles.get(text);
    tile?.refuse(detail);
    if (tile) this.#mark(tile);
  }

  setLink(isUp) {
    this.#isUp = isUp;
    for (const tile of this.#tiles.values()) {
      tile.note(isUp);
      this.#mark(tile);
    }
    // Doubt is shown at once, in the same frame as the words that tell of the connection: until
    // the next one a value would look fresh beside them.
    this.#draw();
  }

  /** How many tiles show a value that nobody vouches for. */
  doubts() {
    let count = 0;
    for (const { known } of this.#tiles.values()) if (known?.quality !== "good") count += 1;
    return [count, this.#tiles.size];
  }

  #mark(tile) {
    tile.isDirty = true;
    if (!tile.isVisible) return;
    this.#dirty.add(tile);
    if (this.#frame !== 0) return;
    this.#frame = setTimeout(
      () => requestAnimationFrame(() => this.#draw()),
      this.#every - (performance.now() - this.#drawn),
    );
  }

  #draw() {
    this.#frame = 0;
    const begun = performance.now();
    for (const tile of this.#dirty) {
      if (performance.now() - begun > BUDGET_MS) {
        this.#frame = requestAnimationFrame(() => this.#draw());
        return;
      }
      this.#dirty.delete(tile);
      if (tile.isVisible && tile.isDirty) tile.render(this.#isUp);
    }
    this.#drawn = begun;
    this.#every = document.querySelector("dialog[open]") === null ? EVERY_MS : BEHIND_MS;
  }

  #see({ target, skipped }) {
    if (target.tile === undefined) return;
    target.tile.isVisible = !skipped;
    if (!skipped) target.tile.tick(Date.now(), this.#isUp, true);
  }

  #tick() {
    if (document.hidden) return;
    const now = Date.now();
    let turn = (this.#ticks += 1);
    for (const tile of this.#tiles.values()) {
      turn += 1;
      if (tile.isVisible) tile.tick(now, this.#isUp, turn % CHART_EVERY === 0);
    }
    this.#catchUp();
  }

  /** Writes tiles out of sight, some each second. */
  #catchUp() {
    const end = performance.now() + UNSEEN_MS;
    while (performance.now() < end) {
      const { value: tile, done } = this.#unseen.next();
      if (done) {
        this.#unseen = [...this.#tiles.values()].filter((one) => one.isDirty && !one.isVisible).values();
        return;
      }
      if (tile.isDirty) tile.render(this.#isUp);
    }
  }

  /** Arrow keys go from tile to tile. */
  #walk(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by === undefined || !event.target.matches(".name")) return;
    const buttons = [...this.#root.querySelectorAll(".name")];
    const next = buttons[buttons.indexOf(event.target) + by];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }
}
