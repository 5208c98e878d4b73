// Starts what the tests look at: peekd as processes of its own, and a browser.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const PEEKD = process.env.PEEKD ?? join(ROOT, "target/debug/peekd");
/** What is written for people to look at. */
export const OUTPUT = join(ROOT, "target/browser");
mkdirSync(OUTPUT, { recursive: true });

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** How long anything may take that is waited for, on a machine that has other things to do. */
export const PATIENCE = 30_000;

/** The user of `demo` and of the example configuration. */
const USER = ["default", "password"];
const PASSWORD_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$VBbbp6/Zfxt3UPN4ju/dDA$sJKGpyPxMjx+Nxwa4P7c/6FtcTnUy1z9H1/Rdjqmh/g";

export function folder() {
  const path = mkdtempSync(join(tmpdir(), "peekd-browser-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

const running = new Set();

/** Ends what a failed test left behind. */
export async function endAll() {
  await Promise.all([...running].map((process) => process.end("SIGKILL")));
}

/** A peekd process. */
export class Process {
  #lines = [];
  #wake = [];
  #ended;

  constructor(args) {
    this.child = spawn(PEEKD, args, { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.#lines.push(line);
        this.#wake.splice(0).forEach((wake) => wake());
      });
    }
    this.#ended = new Promise((ended) => this.child.once("exit", ended));
    running.add(this);
    this.#ended.then(() => running.delete(this));
    this.#ended.then(() => this.#wake.splice(0).forEach((wake) => wake()));
  }

  /** The first line that matches. */
  async line(pattern) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const found = this.#lines.map((line) => pattern.exec(line)).find((match) => match !== null);
      if (found) return found;
      if (this.child.exitCode !== null || Date.now() > end) {
        throw new Error(`no ${pattern} in:\n${this.#lines.join("\n")}`);
      }
      await new Promise((wake) => {
        this.#wake.push(wake);
        setTimeout(wake, 1000).unref();
      });
    }
  }

  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async end(signal = "SIGTERM") {
    this.child.kill(signal);
    await this.#ended;
  }
}

/** `peekd demo`, once it answers. */
export async function demo(...args) {
  const process = new Process(["demo", "--listen", "127.0.0.1:0", ...args]);
  const [, url] = await process.line(/HTTP +(http:\S+)/);
  return { process, url };
}

/** `peekd simulate`, and the configuration of a service in front of it. */
export async function simulated(path) {
  const any = "127.0.0.1:0";
  const servers = new Process(["simulate", "--primary", any, "--backup", any]);
  const [, primary] = await servers.line(/primary Stat Server on (\S+)/);
  const [, backup] = await servers.line(/backup Stat Server on (\S+)/);
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(path, "peekd.toml");
  writeFileSync(
    config,
    `[store]\npath = "store"\n[http]\nlisten = "${address}"\n` +
      `[[http.auth.users]]\nname = "default"\npassword_hash = "${PASSWORD_HASH}"\n` +
      `[[stat_server]]\nname = "StatServer"\nprimary = "${primary}"\nbackup = "${backup}"\n` +
      `[stat_server.addp]\nlocal_timeout = "3s"\nremote_timeout = "10s"\n`,
  );
  return { servers, config, url: `http://${address}` };
}

export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Who tests as root, as containers do, has no sandbox.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/** Texts of so many statistics that the service knows. */
export async function known(url, count) {
  const headers = { Authorization: `Basic ${Buffer.from(USER.join(":")).toString("base64")}` };
  const response = await fetch(`${url}/v1/statistics?limit=${count}`, { headers });
  const { statistics } = await response.json();
  return statistics.map((one) => one.statistic);
}

/** A new tab on the wall, not signed in; collects what the browser complains of. */
export async function openWall(browser, url, fragment = "", options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(`${url}/${fragment}`);
  return { page, complaints };
}

export async function signIn(page, [user, password] = USER) {
  // By their names in the page: to look for roles among thousands of tiles takes a minute.
  await page.locator("#user").fill(user);
  await page.locator("#password").fill(password);
  await page.locator("#sign-in button").click();
}

/** A signed-in tab. */
export async function wall(browser, url, fragment, options) {
  const tab = await openWall(browser, url, fragment, options);
  await signIn(tab.page);
  await tab.page.locator("[data-link=up]").waitFor();
  return tab;
}

/** The tile of a statistic. */
export function tileOf(page, text) {
  return page.locator(".tile").filter({ has: page.locator(`[title="${text}"]`) });
}

/** Waits until `read()` gives something that `isWanted`. */
export async function until(read, isWanted, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await read();
    if (isWanted(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(value)}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Waits until the page's address ends so: the browser tells it a moment after the page shows it. */
export const addressed = (page, hash) => until(() => new URL(page.url()).hash, (it) => it === hash, "the address");

/** The browser itself notes answers that are errors; these are meant to be. */
export const unexpected = (complaints, ...expected) =>
  complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
export const NOT_SIGNED_IN = /status of 401/;

/** What axe finds that keeps people out. */
export async function faults(page) {
  // axe's own script must come in past the page's policy.
  await page.evaluate(AXE);
  const result = await page.evaluate(() => globalThis.axe.run(document));
  return result.violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html).join(" ")}`);
}
