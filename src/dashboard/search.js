// The dialog that finds statistics and pins them: among those that the service knows, or by the
// text form of one that nobody has asked for yet.

import { ask, SignInNeeded } from "./session.js";
import * as walls from "./wall.js";

/** A service that knows no more than this many is searched here, in any case and any order. */
const KNOWN_MAX = 5000;
const SHOWN_MAX = 100;
const TYPING_MS = 150;

export class Search {
  #dialog = document.getElementById("search");
  #words = document.getElementById("words");
  #into = document.getElementById("into");
  #found = document.getElementById("found");
  #results = document.getElementById("results");
  #template = document.getElementById("result-template");
  #known = [];
  #isWhole = false;
  #shown = [];
  #timer = 0;
  #round = 0;
  #wall;
  #changed;

  /** `wall()` is the wall now; `changed()` is called after it was changed. */
  constructor(wall, changed) {
    this.#wall = wall;
    this.#changed = changed;
    this.#words.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), TYPING_MS);
    });
    this.#words.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#results.querySelector("button")?.click();
    });
    this.#dialog.querySelector(".close").addEventListener("click", () => this.#dialog.close());
    const all = document.getElementById("pin-all");
    all.addEventListener("click", () => this.#pin(this.#shown));
  }

  async open() {
    this.#dialog.showModal();
    this.#words.select();
    const groups = this.#wall().groups.map((group) => new Option(group.name));
    document.getElementById("groups").replaceChildren(...groups);
    this.#say("Looking what is known…");
    try {
      const page = await ask(`/v1/statistics?limit=${KNOWN_MAX}`);
      this.#known = page.statistics.map((one) => one.statistic);
      this.#isWhole = page.cursor === null;
      await this.#look();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #look() {
    const round = (this.#round += 1);
    const text = this.#words.value.trim();
    const words = text.toLowerCase().split(/\s+/);
    const isWanted = (one) => words.every((word) => one.toLowerCase().includes(word));
    try {
      let found = this.#known.filter(isWanted);
      if (!this.#isWhole && text !== "") {
        found = [...new Set([...found, ...(await this.#ask(text))])].filter(isWanted);
      }
      if (round === this.#round) this.#show(text, found);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks the service, which knows more than was taken here and tells capitals from small letters. */
  async #ask(text) {
    const [word] = text.split(/\s+/);
    const glob = (word) => encodeURIComponent(`*${word}*`);
    const forms = new Set([word, word.charAt(0).toUpperCase() + word.slice(1)]);
    const paths = [...forms].flatMap((form) =>
      ["metric", "objectId"].map((field) => `/v1/statistics?limit=1000&${field}=${glob(form)}`),
    );
    const pages = await Promise.all(paths.map((path) => ask(path)));
    return pages.flatMap((page) => page.statistics.map((one) => one.statistic));
  }

  #show(text, found) {
    this.#shown = found.slice(0, SHOWN_MAX);
    const pinned = this.#pinned();
    const rows = this.#shown.map((one) => this.#row(one, pinned));
    const isNew = text.split(";").length >= 4 && !found.includes(text);
    if (isNew) rows.unshift(this.#row(text, pinned));
    this.#results.replaceChildren(...rows);
    const rest = found.length - this.#shown.length;
    this.#say(
      isNew
        ? "Nobody has asked for this one yet: pin it, and the Stat Server is asked."
        : `${found.length} found${rest > 0 ? `, the first ${SHOWN_MAX} shown` : ""}` +
            (this.#isWhole ? "." : "; there are more than can be searched at once: be exact."),
    );
  }

  #pinned() {
    return new Set(walls.pins(this.#wall()).map((pin) => pin.text));
  }

  #row(text, pinned) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.querySelector(".text").textContent = text;
    const button = row.querySelector("button");
    const name = (pinned) => {
      button.textContent = pinned.has(text) ? "Unpin" : "Pin";
      button.setAttribute("aria-label", `${button.textContent} ${text}`);
    };
    name(pinned);
    button.addEventListener("click", () => {
      if (this.#pinned().has(text)) {
        walls.remove(this.#wall(), text);
        this.#changed();
        name(this.#pinned());
      } else this.#pin([text]);
    });
    row.refresh = name;
    return row;
  }

  #pin(texts) {
    for (const text of texts) walls.add(this.#wall(), text, this.#into.value.trim());
    this.#changed();
    const pinned = this.#pinned();
    for (const row of this.#results.children) row.refresh(pinned);
  }

  #say(text) {
    this.#found.textContent = text;
  }

  #fail(error) {
    if (error instanceof SignInNeeded) this.#dialog.close();
    else this.#say(`The service cannot be asked now: ${error.message}`);
  }
}
