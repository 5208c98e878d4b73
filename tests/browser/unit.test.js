// The page's pure modules: words, the address, the small chart. Loaded as they are served.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const load = (name) => {
  const path = new URL(`../../src/dashboard/${name}`, import.meta.url);
  return import(`data:text/javascript,${encodeURIComponent(readFileSync(path, "utf8"))}`);
};
const words = await load("format.js");
const walls = await load("wall.js");
const { Ring, SPAN_MS } = await load("ring.js");

test("null, zero and absent look different", () => {
  const shown = [undefined, null, 0, ""].map((value) => words.valueWords(value));
  assert.deepEqual(shown, ["–", "none", "0", ""]);
});

test("an age is told in one unit and never rounded to younger than it is by more than that", () => {
  const told = [0.4, 1, 59.9, 60, 3599, 7200, 200_000, null].map(words.ageWords);
  assert.deepEqual(told, [
    "now", "1 s old", "59 s old", "1 min old", "59 min old", "2 h old", "2 d old", "age unknown",
  ]);
});

test("states are told in words, with how long they last and why", () => {
  const since = "2026-01-01T12:00:00.000Z";
  const now = Date.parse("2026-01-01T12:03:05Z");
  const state = { status: "NotReadyForNextCall", since, reasons: { ReasonCode: "Lunch" } };
  assert.equal(words.valueWords(state), "Not ready");
  assert.match(words.detailWords(state, now), /^since .+, 3:05 · Lunch$/);
  assert.equal(words.measure(state, now), 185);
  assert.equal(words.valueWords({ raw: "AA==" }), "not understood");
  assert.equal(words.stateWords("CallAbandonedFromRinging"), "Call abandoned from ringing");
});

test("a threshold is crossed beyond its number, and the worse one wins", () => {
  const pin = { warn: "over:10", crit: "over:20" };
  const levels = [10, 10.5, 21, null].map((value) => words.levelOf(value, pin));
  assert.deepEqual(levels, ["", "warning", "critical", ""]);
  assert.equal(words.levelOf(79, { warn: "under:80" }), "warning");
  assert.equal(words.levelOf(79, { warn: "around:80" }), "");
});

test("a wall survives its address", () => {
  const fragment =
    "theme=dark&size=large&pin=Z;Queue;1@S;E&group=Lines%20%26%20more&" +
    "pin=A;Queue;9001@S;E&name=Caf%C3%A9&as=time&warn=over:3&crit=over:9&pin=B;Agent;K%253BS;E";
  const wall = walls.read(`#${fragment}`);
  assert.equal(walls.write(wall), fragment);
  assert.deepEqual(wall.groups[1].pins[0], {
    text: "A;Queue;9001@S;E", name: "Café", as: "time", warn: "over:3", crit: "over:9",
  });
  assert.equal(walls.parts(wall.groups[1].pins[1].text).objectId, "K;S");
});

test("an address that somebody spoilt is read as far as it makes sense", () => {
  const wall = walls.read("#theme=pink&pin=A&&pin=A&name=other&%&pin=%zz&=x&warn&group=G&pin=B");
  assert.deepEqual(wall.groups, [
    { name: "", pins: [{ text: "A" }] },
    { name: "G", pins: [{ text: "B" }] },
  ]);
  assert.equal(wall.theme, "system");
});

test("pins move within their group and between groups", () => {
  const wall = walls.read("#group=G&pin=A&warn=over:1&pin=B&pin=C");
  walls.shift(wall, "C", -1);
  walls.shift(wall, "A", -1);
  walls.regroup(wall, "A", "H");
  walls.add(wall, "B", "H");
  walls.remove(wall, "C");
  assert.equal(walls.write(wall), "group=G&pin=B&group=H&pin=A&warn=over:1");
});

test("a chart has a gap where nobody vouched for a value", () => {
  const ring = new Ring();
  ring.push(0, 1);
  ring.push(100_000, 5);
  ring.push(150_000, null);
  ring.push(200_000, 2);
  assert.equal(ring.path(SPAN_MS, 100, 24), "M0.0 23.0H33.3V1.0H50.0M66.7 17.5H100.0");
  assert.equal(ring.path(SPAN_MS * 4, 100, 24), "M0.0 17.5H100.0");
});

test("a chart of a fast value still holds its whole span", () => {
  const ring = new Ring();
  for (let time = 0; time <= SPAN_MS; time += 100) ring.push(time, time);
  const path = ring.path(SPAN_MS, 100, 24);
  assert.ok(path.startsWith("M0.0 ") && path.endsWith("H100.0"), path);
});
