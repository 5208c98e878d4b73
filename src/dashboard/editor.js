// The dialog of one tile: all that is known of it, and how it is shown.

import { ageWords, clock } from "./format.js";
import * as walls from "./wall.js";

export class Editor {
  #dialog = document.getElementById("editor");
  #form = this.#dialog.querySelector("form");
  #text = "";
  #wall;
  #changed;

  /** `wall()` is the wall now; `changed()` is called after it was changed. */
  constructor(wall, changed) {
    this.#wall = wall;
    this.#changed = changed;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
      this.#dialog.close();
    });
    const on = (id, act) => document.getElementById(id).addEventListener("click", act);
    this.#dialog.querySelector(".close").addEventListener("click", () => this.#dialog.close());
    on("earlier", () => this.#move(-1));
    on("later", () => this.#move(1));
    on("unpin", () => {
      walls.remove(this.#wall(), this.#text);
      this.#changed();
      this.#dialog.close();
    });
  }

  open(tile) {
    const { pin, known } = tile;
    this.#text = pin.text;
    document.getElementById("editor-title").textContent = pin.text;
    document.getElementById("facts").replaceChildren(...facts(tile, known));
    const groups = this.#wall().groups;
    document.getElementById("groups").replaceChildren(...groups.map((one) => new Option(one.name)));
    const fields = this.#form.elements;
    fields.name.value = pin.name ?? "";
    fields.group.value = groups.find((group) => group.pins.includes(pin))?.name ?? "";
    fields.as.value = pin.as ?? "";
    for (const level of ["warn", "crit"]) {
      const [way, value] = (pin[level] ?? "over:").split(":");
      fields[`${level}-way`].value = way;
      fields[level].value = value;
    }
    this.#dialog.showModal();
  }

  #keep() {
    const wall = this.#wall();
    const fields = this.#form.elements;
    walls.regroup(wall, this.#text, fields.group.value.trim());
    const pin = walls.find(wall, this.#text);
    // Another address was opened meanwhile.
    if (pin === undefined) return;
    pin.name = fields.name.value.trim() || undefined;
    pin.as = fields.as.value || undefined;
    for (const level of ["warn", "crit"]) {
      const value = fields[level].value;
      pin[level] = value === "" ? undefined : `${fields[`${level}-way`].value}:${value}`;
    }
    this.#changed();
  }

  #move(by) {
    walls.shift(this.#wall(), this.#text, by);
    this.#changed();
  }
}

function facts(tile, known) {
  const time = (text) => (text ? clock(Date.parse(text)) : undefined);
  const rows = {
    Value: typeof known?.value === "object" ? JSON.stringify(known.value) : known?.value,
    Quality: known?.quality,
    Age: known === undefined ? undefined : ageWords(tile.age()),
    "Stat Server": known?.server,
    Refusal: tile.refusal || undefined,
    Received: time(known?.receivedAt),
    Confirmed: time(known?.validatedAt),
    Notified: known?.notificationMode,
  };
  return Object.entries(rows).flatMap(([name, value]) => {
    if (value === undefined || value === null) return [];
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  });
}
