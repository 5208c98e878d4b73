// Makes the README's picture anew: `node picture.js`. Takes some minutes, so that charts show something.

import { fileURLToPath } from "node:url";

import { demo, folder, launchBrowser, wall } from "./harness.js";

const MINUTES = Number(process.argv[2] ?? 4);
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

const store = folder();
const browser = await launchBrowser();
const { process: service, url } = await demo("--store", store.path, "--speed", "30");
const size = { colorScheme: "dark", viewport: { width: 1180, height: 720 } };
const { page } = await wall(browser, url, `#${FRAGMENT}`, size);
await page.waitForTimeout(MINUTES * 60_000);
const path = fileURLToPath(new URL("../../docs/images/dashboard.png", import.meta.url));
await page.screenshot({ path });
await browser.close();
await service.end();
store.remove();
