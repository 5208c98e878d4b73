// What a person has put on the wall, and its text form: the fragment of the page's address, so
// that a wall is shared by sharing the address. Pure: nothing here touches the page.
//
//   #size=large&group=Queues&pin=ExpectedWaitTime;Queue;9001@SIP;Environment&warn=over:30&pin=…
//
// `name`, `as`, `warn` and `crit` belong to the pin before them, a pin to the group before it.
// `chart` is the pin whose past is shown, `span` how much of it.

export const THEMES = ["system", "light", "dark"];
export const SIZES = ["small", "medium", "large"];
export const SPANS = ["15m", "1h", "8h", "24h", "7d", "30d"];
const SPAN = "1h";
const OF_PIN = ["name", "as", "warn", "crit"];

/** Reads a fragment. What it does not know it leaves out; a statistic stands on a wall once. */
export function read(fragment) {
  const wall = { theme: "system", size: "medium", chart: undefined, span: SPAN, groups: [] };
  const seen = new Set();
  let pin = null;
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const at = part.indexOf("=");
    const [key, value] = [part.slice(0, Math.max(at, 0)), decode(part.slice(at + 1))];
    if (key === "theme" && THEMES.includes(value)) wall.theme = value;
    else if (key === "size" && SIZES.includes(value)) wall.size = value;
    else if (key === "chart" && value !== "") wall.chart = value;
    else if (key === "span" && SPANS.includes(value)) wall.span = value;
    else if (key === "group") groupNamed(wall, value);
    else if (key === "pin" && value !== "") {
      // A doubled pin's own settings go nowhere, rather than to the pin before it.
      pin = { text: value };
      if (seen.has(value)) continue;
      seen.add(value);
      (wall.groups.at(-1) ?? groupNamed(wall, "")).pins.push(pin);
    } else if (OF_PIN.includes(key) && pin !== null && value !== "") pin[key] = value;
  }
  return wall;
}

/** The fragment, without `#`. */
export function write(wall) {
  const parts = [];
  if (wall.theme !== "system") parts.push(`theme=${wall.theme}`);
  if (wall.size !== "medium") parts.push(`size=${wall.size}`);
  if (wall.chart !== undefined) parts.push(`chart=${encode(wall.chart)}`, `span=${wall.span}`);
  for (const group of wall.groups) {
    if (group.pins.length === 0) continue;
    if (group.name !== "" || parts.some((part) => part.startsWith("group="))) {
      parts.push(`group=${encode(group.name)}`);
    }
    for (const pin of group.pins) {
      parts.push(`pin=${encode(pin.text)}`);
      for (const key of OF_PIN) if (pin[key]) parts.push(`${key}=${encode(pin[key])}`);
    }
  }
  return parts.join("&");
}

export function pins(wall) {
  return wall.groups.flatMap((group) => group.pins);
}

export function find(wall, text) {
  return pins(wall).find((pin) => pin.text === text);
}

/** The group of that name, made at the end if there is none. */
function groupNamed(wall, name) {
  let group = wall.groups.find((known) => known.name === name);
  if (group === undefined) {
    group = { name, pins: [] };
    wall.groups.push(group);
  } else {
    // Pins that follow go to the group last named, which is the last of the list.
    wall.groups.splice(wall.groups.indexOf(group), 1);
    wall.groups.push(group);
  }
  return group;
}

export function add(wall, text, groupName) {
  if (find(wall, text)) return;
  const known = wall.groups.find((group) => group.name === groupName);
  (known ?? groupNamed(wall, groupName)).pins.push({ text });
}

export function remove(wall, text) {
  for (const group of wall.groups) {
    group.pins = group.pins.filter((pin) => pin.text !== text);
  }
  wall.groups = wall.groups.filter((group) => group.pins.length > 0);
  if (wall.chart === text) wall.chart = undefined;
}

export function regroup(wall, text, groupName) {
  const pin = find(wall, text);
  const target = wall.groups.find((group) => group.name === groupName);
  if (pin === undefined || target?.pins.includes(pin)) return;
  const { chart } = wall;
  remove(wall, text);
  add(wall, text, groupName);
  wall.chart = chart;
  Object.assign(find(wall, text), pin);
}

/** Moves a pin by one place within its group. */
export function shift(wall, text, by) {
  for (const { pins } of wall.groups) {
    const at = pins.findIndex((pin) => pin.text === text);
    const to = at + by;
    if (at >= 0 && to >= 0 && to < pins.length) [pins[at], pins[to]] = [pins[to], pins[at]];
  }
}

/** `metric;objectType;objectId;tenant` in parts, with `;` inside a part written `%3B`. */
export function parts(text) {
  const [metric = "", objectType = "", objectId = "", tenant = "", ...rest] = text
    .split(";")
    .map((part) => part.replace(/%3B/gi, ";"));
  return { metric, objectType, objectId, tenant, rest: rest.filter((part) => part !== "") };
}

/** As much as must be encoded, so that people can read the address. */
function encode(text) {
  return encodeURIComponent(text).replace(/%3B/g, ";").replace(/%40/g, "@").replace(/%3A/g, ":");
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
