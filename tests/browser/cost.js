// What a wall of 2,000 tiles costs its page: `node cost.js FOLDER…`, each folder a version of
// src/dashboard, in turns. CPU time of the page's main thread in ms a second, while nobody does
// anything and while somebody types, and after how many ms keys were painted.

import { join } from "node:path";

import { demo, folder, known, launchBrowser, signIn, until } from "./harness.js";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const WATCHED_MS = 10_000;
const PARTS = ["TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"];

const place = folder();
const { process: service, url } = await demo("--store", place.path, "--statistics", "2000");
const texts = await until(() => known(url, 2000), (it) => it.length === 2000, "all of them");
const fragment = `#size=small&${texts.map((text) => `pin=${encodeURIComponent(text)}`).join("&")}`;
for (let round = 0; round < ROUNDS; round += 1) {
  for (const version of process.argv.slice(2)) console.log(version, await cost(version));
}
await service.end();
place.remove();

async function cost(version) {
  const browser = await launchBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  const isOfPage = ({ pathname }) => pathname === "/" || pathname.startsWith("/dashboard/");
  await page.route(isOfPage, (route) => {
    const name = new URL(route.request().url()).pathname.split("/").pop() || "index.html";
    return route.fulfill({ path: join(version, name) });
  });
  await page.goto(`${url}/${fragment}`);
  await signIn(page);
  await until(() => page.locator("#link").textContent(), (it) => it === "live", "all confirmed");
  const devtools = await page.context().newCDPSession(page);
  // By CPU time: others on the machine take none of it.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const idle = await spent(devtools, () => page.waitForTimeout(WATCHED_MS));
  await page.evaluate(() => {
    globalThis.delays = [];
    addEventListener("keydown", (event) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => delays.push(performance.now() - event.timeStamp);
        port2.postMessage(null);
      });
    }, true);
  });
  const typing = await spent(devtools, async () => {
    for (const letter of "/login time of agent ksippola now") {
      await page.keyboard.press(letter === " " ? "Space" : letter);
      await page.waitForTimeout(100);
    }
  });
  const delays = (await page.evaluate(() => delays)).map(Math.round).sort((a, b) => a - b);
  await browser.close();
  const keys = `median ${delays[delays.length >> 1]}, worst ${delays.at(-1)}`;
  return `idle: ${idle}; typing: ${typing}; keys: ${keys}`;
}

/** What was spent a second while `act` went on. */
async function spent(devtools, act) {
  const read = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return new Map(metrics.map(({ name, value }) => [name, value]));
  };
  const [begun, first] = [performance.now(), await read()];
  await act();
  const [seconds, last] = [(performance.now() - begun) / 1000, await read()];
  const rate = (name) => (((last.get(name) - first.get(name)) * 1000) / seconds).toFixed(0);
  return PARTS.map((name) => `${name.replace("Duration", "")} ${rate(name)}`).join(" ");
}
