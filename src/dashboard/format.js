// Values, ages and states in words. Pure functions: nothing here touches the page.

const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** What the Stat Server's names of states mean to people; others are taken apart at capitals. */
const STATES = {
  AfterCallWork: "After-call work",
  CallConsult: "Consulting",
  CallDialing: "Dialling",
  CallInbound: "Inbound call",
  CallInternal: "Internal call",
  CallOnHold: "Call on hold",
  CallOutbound: "Outbound call",
  CallRinging: "Ringing",
  CallUnknown: "On a call",
  CallWait: "Call waiting",
  LoggedIn: "Logged in",
  LoggedOut: "Logged out",
  NotMonitored: "Not monitored",
  NotReadyForNextCall: "Not ready",
  WaitForNextCall: "Ready",
};

export function stateWords(status) {
  const spaced = String(status).replace(/([a-z])([A-Z0-9])/g, "$1 $2");
  return STATES[status] ?? spaced.charAt(0) + spaced.slice(1).toLowerCase();
}

/** Seconds as `3:05` or `1:03:05`. */
export function duration(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (seconds < 0 ? "-" : "") + (h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

/** An age at a glance: one unit, rounded down; `null` is an age nobody knows. */
export function ageWords(seconds) {
  if (seconds === null) return "age unknown";
  if (seconds < 1) return "now";
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} old`;
  }
  return `${Math.floor(seconds)} s old`;
}

/** `null`, `0` and absent are three things, so each has its own look. */
export function valueWords(value, as) {
  if (value === undefined) return "–";
  if (value === null) return "none";
  if (typeof value === "number") return numberWords(value, as);
  if (typeof value !== "object") return String(value);
  if ("raw" in value) return "not understood";
  return stateWords(value.status);
}

export function numberWords(value, as) {
  if (as === "time") return duration(value);
  return as === "percent" ? `${NUMBER.format(value)} %` : NUMBER.format(value);
}

/** The second line of a state: since when, and what else is telling. Empty for numbers. */
export function detailWords(value, now) {
  if (value === null || typeof value !== "object" || !value.status) return "";
  const since = Date.parse(value.since);
  const parts = [];
  if (!Number.isNaN(since)) {
    parts.push(`since ${CLOCK.format(since)}, ${duration(Math.max(0, (now - since) / 1000))}`);
  }
  const reasons = Object.values(value.reasons ?? {}).filter((reason) => typeof reason === "string");
  parts.push(...reasons);
  if (value.agents) parts.push(`${value.agents.length} agents`);
  if (value.agentCount !== undefined) parts.push(`${value.agentCount} agents`);
  return parts.join(" · ");
}

/** What thresholds and the small chart go by: a number, or how long a state has lasted. */
export function measure(value, now) {
  if (typeof value === "number") return value;
  const since = typeof value === "object" && value !== null ? Date.parse(value.since) : NaN;
  return Number.isNaN(since) ? null : Math.max(0, (now - since) / 1000);
}

const THRESHOLD = /^(over|under):(-?[0-9.]+)$/;

/** A threshold is `over:10` or `under:5`; whatever else it is does not apply. */
export function crosses(measured, threshold) {
  const [, direction, text] = THRESHOLD.exec(threshold ?? "") ?? [];
  if (direction === undefined || measured === null) return false;
  return direction === "over" ? measured > Number(text) : measured < Number(text);
}

export function levelOf(measured, pin) {
  if (crosses(measured, pin.crit)) return "critical";
  return crosses(measured, pin.warn) ? "warning" : "";
}

export function clock(time) {
  return new Date(time).toLocaleTimeString();
}

const SECOND = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** An instant, with its day if that is not today. */
export function moment(time) {
  const isToday = DAY.format(time) === DAY.format(Date.now());
  return isToday ? SECOND.format(time) : `${DAY.format(time)} ${SECOND.format(time)}`;
}

/** A stretch of time: `14:32:36 to 14:32:49 (0:13)`. */
export function stretch(from, to) {
  return `${moment(from)} to ${moment(to)} (${duration((to - from) / 1000)})`;
}

/** What states have in common, for their colours. */
export function kindOf(status) {
  const name = String(status);
  if (/^NotReady|Away|Break/.test(name)) return "away";
  if (/^(LoggedOut|NotMonitored|Unknown|not understood)/i.test(name)) return "off";
  if (/^AfterCall/.test(name)) return "after";
  if (/^(CallRinging|CallDialing|CallWait)/.test(name)) return "ringing";
  if (/^Call/.test(name)) return "call";
  return /Ready|^WaitForNextCall|^LoggedIn/.test(name) ? "ready" : "other";
}

/** A pin's thresholds as numbers and words. */
export function levelsOf(pin) {
  return ["warn", "crit"].flatMap((key) => {
    const [, direction, text] = THRESHOLD.exec(pin[key] ?? "") ?? [];
    if (direction === undefined) return [];
    const name = key === "warn" ? "warning" : "critical";
    return [{ name, value: Number(text), words: `${name} ${direction} ${valueWords(Number(text), pin.as)}` }];
  });
}
