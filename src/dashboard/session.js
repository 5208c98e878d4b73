// Who asks: requests with the person's credentials, which live in this tab alone and go with it.

const KEY = "peekd.credentials";

/** The service wants a user and a password. */
export class SignInNeeded extends Error {}

/** The service answered with an error, in its own words. */
export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

let credentials = sessionStorage.getItem(KEY);

export function isSignedIn() {
  return credentials !== null;
}

/** Takes a user and a password, and keeps them if the service does too. */
export async function signIn(user, password) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  const before = credentials;
  credentials = btoa(String.fromCharCode(...bytes));
  try {
    await ask("/v1/statistics?limit=1");
    sessionStorage.setItem(KEY, credentials);
  } catch (error) {
    credentials = before;
    throw error;
  }
}

export function signOut() {
  credentials = null;
  sessionStorage.removeItem(KEY);
}

/** Asks the service; the JSON it answers. With a `body`, as a POST. */
export async function ask(path, body) {
  const headers = {};
  if (credentials !== null) headers.Authorization = `Basic ${credentials}`;
  const request = {
    headers,
    cache: "no-store",
    // The browser's own prompt for a password stays away, and so do credentials of its own.
    credentials: "omit",
    signal: AbortSignal.timeout(15_000),
  };
  if (body !== undefined) {
    request.method = "POST";
    request.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  const response = await fetch(path, request);
  if (response.status === 401) throw new SignInNeeded("user or password is not right");
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const wait = Number(response.headers.get("Retry-After")) || 0;
    throw new Refused(response.status, answer.detail ?? answer.title ?? response.statusText, wait);
  }
  return answer;
}
