// Makes the pictures of README and docs anew: `node picture.js`. Takes a quarter of an hour, so that
// charts show something. `node picture.js 4 URL` takes minutes only, of a demo that runs already.

import { fileURLToPath } from "node:url";

import { demo, folder, launchBrowser, wall } from "./harness.js";

const MINUTES = Number(process.argv[2] ?? 14);
const pin = (metric, of, settings) => `pin=${metric};${of};Environment&${settings}`;
const queue = (number) => [
  `group=Queue ${number}`,
  ...[
    ["CurrNumberWaitingCalls", "name=Waiting&warn=over:2&crit=over:6"],
    ["ExpectedWaitTime", "name=Expected wait&as=time&warn=over:60"],
    ["CurrentReadyAgents", "name=Ready agents&warn=under:3"],
    ["Service_Level", "name=Service level&as=percent&warn=under:80"],
    ["Total_Calls_Entered", "name=Calls"],
  ].map(([metric, settings]) => pin(metric, `Queue;${number}@SIP_Switch`, settings)),
];
const agent = (name) => pin("CurrentAgentState", `Agent;${name}`, `name=${name}`);
const FRAGMENT = [...queue(9001), ...queue(9002), "group=Agents", agent("KSippola")].join("&");

const CHART = `chart=${encodeURIComponent("ExpectedWaitTime;Queue;9001@SIP_Switch;Environment")}&span=15m`;
const MINUTE = 60_000;

const store = folder();
const browser = await launchBrowser();
const running = process.argv[3];
const own = running === undefined ? await demo("--store", store.path, "--speed", "30") : null;
const url = running ?? own.url;
const size = { colorScheme: "dark", viewport: { width: 1180, height: 720 } };
const { page } = await wall(browser, url, `#${FRAGMENT}`, size);
const save = async (page, name) => {
  await page.mouse.move(0, 0);
  const path = fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
  return page.screenshot({ path });
};
await page.waitForTimeout((MINUTES * MINUTE) / 2);
for (const side of ["primary", "backup"]) own?.process.type(`kill ${side}`);
await page.waitForTimeout(MINUTE / 3);
own?.process.type("restore");
await page.waitForTimeout((MINUTES * MINUTE) / 2);
await save(page, "dashboard");
const chart = await wall(browser, url, `#${CHART}&${FRAGMENT}`, { ...size, colorScheme: "light" });
await chart.page.locator("#plot[aria-busy=false] canvas").waitFor();
await chart.page.locator("#plot").press("Shift+ArrowLeft");
await save(chart.page, "chart");
await browser.close();
await own?.process.end();
store.remove();
