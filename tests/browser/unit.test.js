// The page's pure modules: words, the address, the small chart, the great one's pieces and gaps.
// Loaded as they are served.

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
const tracks = await load("track.js");

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

test("the open chart and its span survive the address, and go with their pin", () => {
  const fragment = "chart=A;Queue;9001@S;E&span=8h&pin=A;Queue;9001@S;E";
  const wall = walls.read(`#${fragment}`);
  assert.equal(walls.write(wall), fragment);
  walls.regroup(wall, "A;Queue;9001@S;E", "Lines");
  assert.equal(wall.chart, "A;Queue;9001@S;E");
  walls.remove(wall, "A;Queue;9001@S;E");
  assert.equal(walls.write(wall), "");
  assert.equal(walls.read("#chart=A&span=9y&pin=A").span, "1h");
  assert.deepEqual(walls.SPANS, [...tracks.SPANS.keys()]);
});

test("a step is as short as its pixels can tell apart", () => {
  const steps = [["15m", 1000], ["1h", 1000], ["24h", 1000], ["7d", 300], ["30d", 10]];
  const told = steps.map(([span, width]) => tracks.stepOf(tracks.SPANS.get(span), width) / 1000);
  assert.deepEqual(told, [2, 10, 300, 7200, 86_400]);
});

const at = (seconds) => new Date(seconds * 1000).toISOString();
const change = (seconds, value) => ({ time: at(seconds), value });

test("changes become pieces that end where a gap begins", () => {
  const history = {
    before: change(-50, 7),
    samples: [change(10, 8), change(60, 9)],
    gaps: [{ from: at(20), to: at(60), reason: "link down" }, { from: at(90), to: null, reason: "restart" }],
  };
  const { pieces, gaps } = tracks.fromChanges(history, 0, 100_000);
  assert.deepEqual(pieces.map(({ from, to, value }) => [from, to, value]), [
    [0, 10_000, 7], [10_000, 20_000, 8], [60_000, 90_000, 9],
  ]);
  assert.deepEqual(gaps, [
    { from: 20_000, to: 60_000, reason: "link down" }, { from: 90_000, to: 100_000, reason: "restart" },
  ]);
  const [times, values] = new tracks.Track({ pieces, gaps }, 1).columns();
  assert.deepEqual(times, [0, 10_000, 20_000, 60_000, 90_000]);
  assert.deepEqual(values, [7, 8, null, 9, 9]);
});

test("steps keep what was lowest and highest in them, and tell their holes", () => {
  const step = (seconds, value, known) => ({ ...change(seconds, value), known });
  const points = [step(0, 2, 10), step(10, 3, 4), step(20, null, 0), step(30, 5, 5)];
  const least = [1, 3, null, 5].map((value, i) => change(i * 10, value));
  const most = [4, 3, null, 6].map((value, i) => change(i * 10, value));
  const pieces = tracks.fromSteps(points, least, most, 10_000, 35_000);
  assert.deepEqual(pieces.map(({ from, to, low, high }) => [from, to, low, high]), [
    [0, 10_000, 1, 4], [10_000, 20_000, 3, 3], [30_000, 35_000, 5, 6],
  ]);
  assert.deepEqual(tracks.holesOf(points, 10_000, 35_000), [{ from: 10_000, to: 30_000 }]);
});

test("what is told while a chart is open goes on where history ends", () => {
  const track = new tracks.Track({ pieces: [{ from: 0, to: 10, value: 1, low: 1, high: 1 }], gaps: [] }, 5);
  track.tell(10, 1);
  track.tell(20, 4);
  track.tell(22, 2);
  track.slide(0, 30);
  track.tell(30, null, "not confirmed");
  track.slide(0, 40);
  assert.deepEqual(track.at(35), { gap: { from: 30, to: 40, reason: "not confirmed", isOpen: true } });
  track.tell(50, 2);
  track.slide(15, 60);
  assert.deepEqual(track.columns(), [
    [0, 20, 30, 50, 60], [1, 2, null, 2, 2], [1, 2, null, 2, 2], [1, 4, null, 2, 2],
  ]);
  assert.equal(track.gaps[0].to, 50);
  assert.equal(track.at(25).piece.high, 4);
  assert.equal(track.sums(20, 60).known, 0.5);
  track.slide(30, 60);
  assert.deepEqual(track.lasted(0, 60), [[2, 20]]);
});

test("a value that changes all the time makes no more pieces than pixels", () => {
  const track = new tracks.Track({ pieces: [], gaps: [] }, 10);
  for (let time = 0; time < 10_000; time += 1) track.tell(time, time % 7);
  assert.ok(track.pieces.length <= 1001, `${track.pieces.length}`);
  assert.deepEqual([track.pieces[3].low, track.pieces[3].high], [0, 6]);
});

test("an upright axis shows thresholds, and zero where that costs little", () => {
  assert.deepEqual(tracks.limits(0, 10, [20], undefined).map(Math.round), [0, 22]);
  assert.deepEqual(tracks.limits(90, 100, [], "percent"), [0, 105]);
  assert.ok(tracks.limits(1000, 1010, [])[0] > 990);
  assert.deepEqual(tracks.limits(Infinity, -Infinity, []), [0, 1]);
});

test("states have a kind, thresholds have words", () => {
  const kinds = ["WaitForNextCall", "NotReadyForNextCall", "CallRinging", "CallInbound", "Odd"];
  assert.deepEqual(kinds.map(words.kindOf), ["ready", "away", "ringing", "call", "other"]);
  assert.deepEqual(words.levelsOf({ warn: "over:90", crit: "about:3", as: "time" }), [
    { name: "warning", value: 90, words: "warning over 1:30" },
  ]);
});
