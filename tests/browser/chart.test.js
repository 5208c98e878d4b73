// The chart of a statistic's past, in a browser, of a demo that lost both Stat Servers for a while.
// Writes screenshots to target/browser.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import {
  addressed, demo, endAll, faults, folder, launchBrowser, NOT_SIGNED_IN, OUTPUT, tileOf, unexpected, until, wall,
} from "./harness.js";

const HANDLING = "AverageHandlingTime;Queue;9001@SIP_Switch;Environment";
const STATE = "CurrentAgentState;Agent;KSippola;Environment";
const PINS =
  `pin=${HANDLING}&name=Handling time&as=time&warn=over:150&crit=over:240` +
  `&pin=${STATE}&name=KSippola`;
const of = (text, span = "15m") => `#chart=${text}&span=${span}&${PINS}`;

let browser;
let demonstration;
const store = folder();

before(async () => {
  browser = await launchBrowser();
  demonstration = await demo("--store", join(store.path, "demo"), "--speed", "30");
});

after(async () => {
  await browser?.close();
  await demonstration?.process.end();
  await endAll();
  store.remove();
});

/** The browser would rather have known before that its canvas is read. */
const READ_BACK = /willReadFrequently/;

const words = (page, selector) => page.locator(selector).textContent();
const figure = async (page, name) => Number(await page.locator("#plot").getAttribute(name));

/** The chart, once its history is there. */
async function drawn(page) {
  await page.locator("#plot[aria-busy=false] canvas").waitFor();
  await until(() => words(page, "#chart-sums"), (it) => it.includes("Known of"), "sums");
}

/** How many pixels of the value's colour stand in a share of the chart's width, from left to right. */
function inked(page, from, to) {
  return page.evaluate(([from, to]) => {
    const canvas = document.querySelector("#plot canvas");
    const over = document.querySelector("#plot .u-over");
    const unit = canvas.width / canvas.clientWidth;
    const left = (parseFloat(over.style.left) + over.clientWidth * from) * unit;
    const width = Math.max(1, over.clientWidth * (to - from) * unit);
    const probe = document.querySelector("#chart-key .line i");
    const [r, g, b] = getComputedStyle(probe).backgroundColor.match(/\d+/g).map(Number);
    const { data } = canvas.getContext("2d").getImageData(left, 0, width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const far = Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b);
      if (far < 12 && data[i + 3] > 200) count += 1;
    }
    return count;
  }, [from, to]);
}

describe("a chart of a demo", () => {
  test("opens by keyboard, is live, and draws a loss of both Stat Servers as a gap", async () => {
    const { page, complaints } = await wall(browser, demonstration.url, `#${PINS}`);
    const tile = tileOf(page, HANDLING);
    const value = () => tile.locator(".value").textContent();
    const first = await value();
    await until(value, (it) => it !== first && it !== "–", "a value that moves");
    await tile.getByRole("button").focus();
    await page.keyboard.press("Enter");
    await drawn(page);
    await addressed(page, `#chart=${HANDLING}&span=1h&${PINS.replaceAll(" ", "%20")}`);
    assert.equal(await page.evaluate(() => document.activeElement.id), "plot");
    await page.getByRole("button", { name: "15 min" }).click();
    await drawn(page);
    await addressed(page, `#chart=${HANDLING}&span=15m&${PINS.replaceAll(" ", "%20")}`);
    assert.match(await words(page, "#chart-key"), /warning over 2:30.*critical over 4:00/);
    const now = await words(page, "#chart-now span");
    await until(() => words(page, "#chart-now span"), (it) => it !== now, "a live value");

    demonstration.process.type("kill primary");
    demonstration.process.type("kill backup");
    await page.getByText("not confirmed, ").waitFor();
    const open = page.locator("#gaps li").first();
    await until(() => open.textContent(), (it) => it.startsWith("since "), "an open gap");
    // Wide enough to be pointed at.
    const lost = Date.now();
    await until(() => Date.now() - lost, (it) => it > 5000, "some seconds");
    demonstration.process.type("restore");
    const told = await until(() => open.textContent(), (it) => it.includes("link down"), "a reason");
    assert.match(told, / to .*\(0:[0-9]{2}\): link down: no Stat Server was connected$/);
    await until(() => words(page, "#chart-now span"), (it) => it !== now, "a value that goes on moving");

    // Where the gap is, by the cursor, walking backwards from now.
    const plot = page.locator("#plot");
    await plot.focus();
    await page.keyboard.press("End");
    const end = await figure(page, "aria-valuenow");
    await page.keyboard.press("ArrowLeft");
    assert.ok(Math.abs(end - (await figure(page, "aria-valuenow")) - 9) <= 2, "an arrow is 9 s of 15 min");
    await page.keyboard.press("Home");
    await until(
      async () => (await figure(page, "aria-valuenow")) - (await figure(page, "aria-valuemin")),
      (it) => it <= 1,
      "the beginning",
    );
    const beginning = () => plot.getAttribute("aria-valuetext");
    await until(beginning, (it) => it.includes("no value, nothing was recorded yet"), "what was there");

    const over = await page.locator("#plot .u-over").boundingBox();
    let gap;
    const pointed = async () => {
      for (let x = over.width - 1; x > 0; x -= 1) {
        await page.mouse.move(over.x + x, over.y + over.height / 2);
        const readout = await words(page, "#readout");
        if (readout.includes("link down")) {
          gap = x / over.width;
          return readout;
        }
      }
      return "";
    };
    const there = await pointed();
    assert.match(there, /: no value, link down: no Stat Server was connected, /);
    // The chart goes on sliding: what stood at the gap's end may have left it meanwhile.
    const across = async () => {
      await pointed();
      return inked(page, gap - 2 / over.width, gap - 1 / over.width);
    };
    await until(across, (it) => it === 0, "a line over the gap");
    const behind = () => inked(page, gap + 1 / over.width, 1);
    await until(behind, (it) => it > 0, "a line after the gap");

    await page.keyboard.press("Escape");
    await page.locator("#chart").waitFor({ state: "hidden" });
    await until(() => page.evaluate(() => document.activeElement.title), (it) => it === HANDLING, "focus");
    await addressed(page, `#${PINS.replaceAll(" ", "%20")}`);
    await tile.locator(".object").click();
    await page.locator("#chart").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("#chart").waitFor({ state: "hidden" });
    assert.deepEqual(unexpected(complaints, NOT_SIGNED_IN, READ_BACK), []);
    await page.context().close();
  });

  test("draws states as lanes, with how long each lasted", async () => {
    const { page, complaints } = await wall(browser, demonstration.url, of(STATE));
    await drawn(page);
    await until(() => words(page, "#chart-key"), (it) => /Ready [0-9:]+ \(\d+ %\)/.test(it), "a state");
    // The cursor stands at the end, where the state is, once the lost Stat Servers told it again.
    const end = async () => {
      await page.locator("#plot").press("End");
      return words(page, "#readout");
    };
    await until(end, (it) => / to .* \(\d+:\d\d\)$/.test(it), "a state that lasts");
    await page.getByRole("button", { name: "24 h" }).click();
    await drawn(page);
    assert.match(await words(page, "#chart-key"), /Ready/);
    assert.deepEqual(unexpected(complaints, NOT_SIGNED_IN), []);
    await page.context().close();
  });

  test("asks for steps where there are more changes than pixels", async () => {
    const { page, complaints } = await wall(browser, demonstration.url, `#${PINS}`, {
      viewport: { width: 360, height: 740 },
    });
    // As if the statistic had changed all the time: the rest is the service's own.
    await page.route("**/history?*aggregate=count", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      answer.points[0].value = 100_000;
      await route.fulfill({ response, json: answer });
    });
    await tileOf(page, HANDLING).getByRole("button").click();
    await drawn(page);
    const key = await words(page, "#chart-key");
    assert.match(key, /mean of each 30 s.*its lowest to its highest/);
    assert.match(await words(page, "#gaps"), /link down/);
    assert.match(await words(page, "#chart-sums"), /^Lowest .* highest .* Known of [0-9.]+ %/);
    assert.deepEqual(unexpected(complaints, NOT_SIGNED_IN), []);
    await page.context().close();
  });

  for (const [name, options] of [
    ["light", { colorScheme: "light", viewport: { width: 1200, height: 760 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1200, height: 760 } }],
    ["phone", { colorScheme: "light", viewport: { width: 360, height: 740 } }],
  ]) {
    for (const [what, text] of [["number", HANDLING], ["state", STATE]]) {
      test(`can be read: ${what}, ${name}`, async () => {
        const { page, complaints } = await wall(browser, demonstration.url, of(text), options);
        await drawn(page);
        await page.locator("#plot").press("Shift+ArrowLeft");
        assert.deepEqual(await faults(page), []);
        const width = await page.evaluate(() => document.querySelector("#chart").scrollWidth);
        assert.ok(width <= options.viewport.width, `${width} is wider than the screen`);
        await page.screenshot({ path: join(OUTPUT, `chart-${what}-${name}.png`) });
        assert.deepEqual(unexpected(complaints, NOT_SIGNED_IN), []);
        await page.context().close();
      });
    }
  }

  test("a wall without an open chart never asks for what draws it", async () => {
    const { page } = await wall(browser, demonstration.url, `#${PINS}`);
    const asked = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    assert.ok(asked.some((name) => name.endsWith("/chart.js")));
    assert.ok(!asked.some((name) => /uplot\.js|plot\.js/.test(name)), asked.join(" "));
    await page.context().close();
  });
});
