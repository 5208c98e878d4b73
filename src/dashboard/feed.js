// Keeps the page told: finds the pinned statistics, follows them over server-sent events, and
// comes back by itself whenever the connection or the service was away.

import { ask, Refused, SignInNeeded } from "./session.js";

/** Statistics asked for in one request. */
const BATCH = 500;
/** Ids in one stream's address, in characters: the service takes request heads of 16 KiB. */
const IDS_LENGTH = 12_000;
/** Browsers open six connections to a host; further pins make it one stream of everything. */
const STREAMS_MAX = 4;
/** The service says something every ten seconds at least. */
const SILENCE_MS = 25_000;
const BACKOFF_MS = [500, 10_000];
/** What could not be found is asked for again. */
const REFUSED_RETRY_MS = 15_000;
/** A stream that was resumed and has nothing to tell is believed after so long. */
const QUIET_MS = 1000;
const COLLECT_MS = 200;

/**
 * Calls `told(statistic)` for each new state, `refused(text, detail)` for what cannot be had,
 * `link(isUp, since)` when the connection comes and goes, `signIn()` when credentials are wanted.
 */
export class Feed {
  #wanted = [];
  #ids = new Map();
  #streams = [];
  #attempt = 0;
  #round = 0;
  #timer = 0;
  #retry = 0;
  #heard = Date.now();
  #isUp = null;
  #to;

  constructor(to) {
    this.#to = to;
    addEventListener("online", () => this.#isUp === false && this.#restart(0));
    setInterval(() => this.#checkSilence(), 1000);
  }

  /** Follows these statistics from now on, given by their texts. */
  follow(texts) {
    const before = new Set(this.#wanted);
    const isSame = texts.length === before.size && texts.every((text) => before.has(text));
    this.#wanted = texts;
    if (!isSame) this.#restart(COLLECT_MS);
  }

  /** Begins again, as after signing in. */
  start() {
    this.#attempt = 0;
    this.#restart(0);
  }

  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#close();
  }

  #restart(delay) {
    this.stop();
    this.#timer = setTimeout(() => this.#begin(), delay);
  }

  async #begin() {
    const round = this.#round;
    const isOver = () => round !== this.#round;
    try {
      await this.#find(isOver);
      if (isOver()) return;
      const filters = this.#filters();
      // With nothing to follow yet, whether the service answers is all there is to know.
      if (filters.length === 0) await ask("/v1/statistics?limit=1");
      const tickets = await Promise.all(filters.map(() => ask("/v1/tickets", {})));
      if (isOver()) return;
      if (filters.length === 0) this.#setUp();
      this.#streams = filters.map((filter, i) => this.#open(filter, tickets[i].ticket, null));
    } catch (error) {
      if (!isOver()) this.#failed(error);
    }
  }

  /** Asks for everything whose id is not known, opening it if need be; whether any was found. */
  async #find(isOver) {
    const unknown = this.#wanted.filter((text) => !this.#ids.has(text));
    const before = this.#ids.size;
    for (let i = 0; i < unknown.length && !isOver(); i += BATCH) {
      const texts = unknown.slice(i, i + BATCH);
      const answer = await ask("/v1/peek", { statistics: texts });
      if (isOver()) return false;
      // Our own text is the key: the service may write a statistic in another way.
      answer.statistics.forEach((item, at) => this.#found(texts[at], item));
    }
    return this.#ids.size > before;
  }

  #found(text, item) {
    if (item.known) {
      this.#ids.set(text, item.known.id);
      this.#to.told(text, item.known);
    } else if (item.error) this.#to.refused(text, item.error.detail);
    // Only its asker may see it, so that no stream tells of it: it is asked for again and again.
    else this.#to.told(text, { value: item.value, age: item.age, quality: "good" });
  }

  /** Asks again for what could not be had, while everything else goes on. */
  #lookAgainLater() {
    clearTimeout(this.#retry);
    if (this.#wanted.every((text) => this.#ids.has(text))) return;
    this.#retry = setTimeout(async () => {
      const round = this.#round;
      const isOver = () => round !== this.#round;
      try {
        const found = await this.#find(isOver);
        if (isOver()) return;
        if (found) this.#restart(0);
        else this.#lookAgainLater();
      } catch (error) {
        if (!isOver()) this.#failed(error);
      }
    }, REFUSED_RETRY_MS);
  }

  /** The streams' queries: few and short enough for the service and the browser. */
  #filters() {
    const filters = [];
    for (const text of this.#wanted) {
      const id = this.#ids.get(text);
      if (id === undefined) continue;
      const last = filters.at(-1);
      if (last === undefined || last.length + id.length > IDS_LENGTH) filters.push(id);
      else filters[filters.length - 1] = `${last},${id}`;
    }
    return filters.length > STREAMS_MAX ? [""] : filters;
  }

  #open(filter, ticket, lastEventId) {
    const query = new URLSearchParams({ ticket });
    if (lastEventId) query.set("lastEventId", lastEventId);
    const ids = filter === "" ? "" : `&id=${filter}`;
    const source = new EventSource(`/v1/stream?${query}${ids}`);
    const stream = { filter, source, lastEventId, isDue: 0, isReady: false, seen: new Set() };
    const hear = (take) => (event) => {
      if (source.readyState === EventSource.CLOSED) return;
      this.#heard = Date.now();
      clearTimeout(stream.isDue);
      take?.(JSON.parse(event.data));
      // The last event of a series names its revision: until then more is to come.
      if (event.lastEventId === "") return;
      stream.lastEventId = event.lastEventId;
      this.#ready(stream);
    };
    source.addEventListener("open", () => {
      this.#heard = Date.now();
      stream.isDue = setTimeout(() => this.#ready(stream), QUIET_MS);
    });
    source.addEventListener("snapshot", hear((data) => {
      for (const one of data.statistics) stream.seen.add(one.id);
      this.#tell(data.statistics);
    }));
    source.addEventListener("update", hear((data) => this.#tell(data.changes)));
    source.addEventListener("snapshot-end", hear(() => this.#forgetUnseen(stream)));
    source.addEventListener("heartbeat", hear());
    source.addEventListener("reset", () => stream.seen.clear());
    // Its own way of coming back would take the same ticket, which is used up.
    source.addEventListener("error", () => this.#failed(new Error("the stream ended")));
    return stream;
  }

  #ready(stream) {
    if (stream.isReady) return;
    stream.isReady = true;
    if (this.#streams.every((one) => one.isReady)) this.#setUp();
  }

  #tell(statistics) {
    for (const one of statistics) {
      if (one.deleted) this.#forget(one);
      else this.#to.told(null, one);
    }
  }

  /** A crash may have cost the service what it came to know last: a snapshot lacks it then. */
  #forgetUnseen({ filter, seen }) {
    const followed = filter === "" ? [...this.#ids.values()] : filter.split(",");
    for (const id of followed) if (!seen.has(id)) this.#forget({ id });
    seen.clear();
  }

  /** It is no longer known: asked for anew, it gets another id. */
  #forget(one) {
    for (const [text, id] of this.#ids) {
      if (id !== one.id) continue;
      this.#ids.delete(text);
      this.#to.refused(text, "the service no longer knows it");
      this.#lookAgainLater();
    }
  }

  #setUp() {
    this.#attempt = 0;
    this.#heard = Date.now();
    if (this.#isUp !== true) this.#to.link(true, this.#heard);
    this.#isUp = true;
    this.#lookAgainLater();
  }

  #failed(error) {
    const streams = this.#streams;
    this.stop();
    const isUnknown = error instanceof SignInNeeded;
    // Whoever is no user any more sees nothing go on looking fresh; a newcomer lost nothing.
    if (this.#isUp === true || (this.#isUp === null && !isUnknown)) {
      this.#to.link(false, this.#heard);
      this.#isUp = false;
    }
    if (isUnknown) {
      this.#to.signIn();
      return;
    }
    const [first, most] = BACKOFF_MS;
    const usual = Math.min(first * 2 ** this.#attempt, most) * (0.5 + Math.random() / 2);
    const asked = error instanceof Refused ? error.retryAfter * 1000 : 0;
    this.#attempt += 1;
    const round = this.#round;
    this.#timer = setTimeout(() => {
      if (streams.length > 0) this.#resume(streams, round);
      else this.#begin();
    }, Math.max(usual, asked));
  }

  /** Goes on where the streams ended, so that nothing is told twice. */
  async #resume(streams, round) {
    try {
      const tickets = await Promise.all(streams.map(() => ask("/v1/tickets", {})));
      if (round !== this.#round) return;
      this.#streams = streams.map((stream, i) =>
        this.#open(stream.filter, tickets[i].ticket, stream.lastEventId),
      );
    } catch (error) {
      if (round !== this.#round) return;
      this.#streams = streams;
      this.#failed(error);
    }
  }

  #close() {
    for (const { source, isDue } of this.#streams) {
      clearTimeout(isDue);
      source.close();
    }
    this.#streams = [];
  }

  /** A connection that died without a word is found by its silence. */
  #checkSilence() {
    const isQuiet = Date.now() - this.#heard > SILENCE_MS;
    if (this.#streams.length > 0 && isQuiet) this.#failed(new Error("nothing was heard"));
  }
}
