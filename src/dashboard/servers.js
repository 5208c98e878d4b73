// The strip of Stat Server pairs: which side is active, in which mode, and the heartbeat's round
// trip. Asked for every few seconds; what cannot be asked does not look known.

import { ask, SignInNeeded } from "./session.js";

const EVERY_MS = 3000;

export class Servers {
  #root;
  #template;
  #timer = 0;

  constructor(root, template) {
    this.#root = root;
    this.#template = template;
  }

  start() {
    this.stop();
    this.#look();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #look() {
    try {
      const { servers } = await ask("/v1/servers");
      this.#show(servers);
      this.#root.classList.remove("unknown");
    } catch (error) {
      this.#root.classList.add("unknown");
      if (error instanceof SignInNeeded) return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), EVERY_MS);
  }

  #show(servers) {
    while (this.#root.children.length > servers.length) this.#root.lastElementChild.remove();
    servers.forEach((server, i) => {
      if (this.#root.children.length <= i) {
        this.#root.append(this.#template.content.firstElementChild.cloneNode(true));
      }
      fill(this.#root.children[i], server);
    });
  }
}

function fill(node, server) {
  const { name, state, active, mode, addpRoundTrip, statistics, lastSwitchover } = server;
  const isConnected = state === "connected";
  node.dataset.state = isConnected ? active.side : state;
  const write = (part, text) => {
    const target = node.querySelector(`.${part}`);
    if (target.textContent !== text) target.textContent = text;
  };
  write("pair", name);
  write("side", isConnected ? `${active.side} active` : state);
  write("mode", isConnected && mode !== null ? `says ${mode}` : "");
  const trip = addpRoundTrip === null ? "ADDP –" : `ADDP ${(addpRoundTrip * 1000).toFixed(1)} ms`;
  write("addp", trip);
  write("open", `${statistics.open} of ${statistics.wanted} open`);
  node.title = lastSwitchover
    ? `${active.address}; last switchover ${lastSwitchover.at}: ${lastSwitchover.reason}`
    : active.address;
}
