// One statistic on the wall: its state, and the few nodes that show it. Only what differs from
// what is shown is written to the page.

import { ageWords, detailWords, levelOf, measure, valueWords } from "./format.js";
import { Ring } from "./ring.js";
import { parts } from "./wall.js";

const QUALITY_WORDS = {
  good: "",
  uncertain: "last known, not confirmed",
  waiting: "no value yet",
  bad: "refused",
};
const CHART = [100, 24];

export class Tile {
  /** What the service last told; `undefined` until it told anything. */
  known;
  /** Why there is nothing to show. */
  refusal = "";
  pin;
  /** Whether the browser lays it out: the board is told. */
  isVisible = false;
  isDirty = true;
  /** Called after the tile was told anything: its chart, while that is open. */
  watcher = null;
  #heard = [0, 0];
  #ring = new Ring();
  #shown = new Map();

  constructor(pin, template) {
    this.pin = pin;
    this.node = template.content.firstElementChild.cloneNode(true);
    const part = (name) => this.node.querySelector(`.${name}`);
    this.button = part("name");
    const write = (node) => {
      const text = document.createTextNode("");
      node.append(text);
      return text;
    };
    this.texts = {
      name: write(this.button),
      object: write(part("object")),
      value: write(part("value")),
      level: write(part("level")),
      detail: write(part("detail")),
      quality: write(part("quality")),
      age: write(part("age")),
    };
    this.chart = part("chart");
    this.line = this.chart.querySelector("path");
    this.rename(pin);
  }

  rename(pin) {
    this.pin = pin;
    const { metric, objectType, objectId, tenant } = parts(pin.text);
    this.#write("name", pin.name ?? metric);
    this.#write("object", `${objectId} · ${objectType} · ${tenant}`);
    this.button.title = pin.text;
    this.isDirty = true;
  }

  /** Takes what the service told. */
  tell(statistic, isUp) {
    this.known = statistic;
    this.refusal = statistic.refusal ?? "";
    this.#heard = [Date.now(), performance.now()];
    this.note(isUp);
  }

  refuse(detail) {
    this.refusal = detail;
    this.known = { age: null, ...this.known, quality: "bad" };
    this.note(false);
  }

  /** Notes in the chart what is worth drawing: a number that somebody vouches for. */
  note(isUp) {
    const { value, quality } = this.known ?? {};
    const isSound = isUp && quality === "good" && typeof value === "number";
    this.#ring.push(Date.now(), isSound ? value : null);
    this.isDirty = true;
    this.watcher?.();
  }

  /** Seconds since a Stat Server vouched for the value. A clock set back makes nothing younger. */
  age() {
    const age = this.known?.age;
    if (age === null || age === undefined) return null;
    const [wall, steady] = this.#heard;
    const gone = Math.max(Date.now() - wall, performance.now() - steady, 0);
    return age + gone / 1000;
  }

  /** Writes everything that changed. */
  render(isUp) {
    this.isDirty = false;
    const { value, quality = "waiting" } = this.known ?? {};
    // Without a connection nobody vouches for anything.
    const shown = quality === "good" && !isUp ? "uncertain" : quality;
    this.#set("quality", shown);
    this.#write("quality", shown === "bad" && this.refusal ? this.refusal : QUALITY_WORDS[shown]);
    this.#write("value", valueWords(quality === "waiting" ? undefined : value, this.pin.as));
    this.#renderTimes();
  }

  /** What changes as time goes by, once a second; the small chart with it if `isCharted`. */
  tick(now, isUp, isCharted) {
    if (this.isDirty) this.render(isUp);
    else this.#renderTimes();
    if (!isCharted) return;
    const isNumber = typeof this.known?.value === "number";
    this.chart.toggleAttribute("hidden", !isNumber);
    if (isNumber) this.#setPath(this.#ring.path(now, ...CHART));
  }

  #renderTimes() {
    const now = Date.now();
    const value = this.known?.value;
    const hasValue = value !== undefined && value !== null;
    this.#write("age", hasValue ? ageWords(this.age()) : "");
    this.#write("detail", detailWords(value, now));
    const level = levelOf(measure(value, now), this.pin);
    this.#set("level", level);
    this.#write("level", level);
  }

  #setPath(path) {
    if (this.#shown.get("path") === path) return;
    this.#shown.set("path", path);
    this.line.setAttribute("d", path);
  }

  #write(name, text) {
    if (this.texts[name].data !== text) this.texts[name].data = text;
  }

  #set(name, value) {
    if (this.node.dataset[name] !== value) this.node.dataset[name] = value;
  }
}
