// All tiles, in their groups. Collects what is told and writes it to the page a frame at a time,
// what is in sight first, so that thousands of updates a second leave time for the person.

import { Tile } from "./tile.js";
import { pins } from "./wall.js";

/** Milliseconds of a frame that tiles may take. */
const BUDGET_MS = 6;

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
  #sight;

  constructor(root, templates, onOpen) {
    this.#root = root;
    this.#templates = templates;
    this.#onOpen = onOpen;
    this.#sight = new IntersectionObserver((entries) => this.#see(entries), {
      rootMargin: "200px",
    });
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
    this.#sight.observe(tile.node);
    this.#mark(tile);
  }

  #drop(text, tile) {
    this.#tiles.delete(text);
    this.#dirty.delete(tile);
    this.#sight.unobserve(tile.node);
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
  }

  /** How many tiles show a value that nobody vouches for. */
  doubts() {
    let count = 0;
    for (const { known } of this.#tiles.values()) if (known?.quality !== "good") count += 1;
    return [count, this.#tiles.size];
  }

  #mark(tile) {
    tile.isDirty = true;
    this.#dirty.add(tile);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const end = performance.now() + BUDGET_MS;
    for (const isVisible of [true, false]) {
      for (const tile of this.#dirty) {
        if (tile.isVisible !== isVisible) continue;
        if (performance.now() > end) {
          this.#frame = requestAnimationFrame(() => this.#draw());
          return;
        }
        this.#dirty.delete(tile);
        tile.render(this.#isUp);
      }
    }
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      target.tile.isVisible = isIntersecting;
      if (isIntersecting) target.tile.tick(Date.now(), this.#isUp);
    }
  }

  #tick() {
    if (document.hidden) return;
    const now = Date.now();
    for (const tile of this.#tiles.values()) if (tile.isVisible) tile.tick(now, this.#isUp);
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
