import { ProblemError, UnreachableError } from "./errors.js";
import { operations } from "./operations.js";
import { secondsOf, wait } from "./wait.js";

export { ProblemError, UnreachableError };
/** @typedef {import("./types.js").CallOptions} CallOptions */
/** @typedef {import("./types.js").Client} Client */
/** @typedef {import("./types.js").ClientOptions} ClientOptions */
/** @typedef {import("./types.js").ProblemCode} ProblemCode */
/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./types.js").User} User */

/**
 * `creates`: a second attempt could make a second one.
 *
 * @typedef {{ method: string, path: string, body?: boolean, query?: readonly string[], creates?: boolean }} Operation
 */
/** @typedef {Record<string, unknown>} Input */

const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;
const DEFAULT_WAIT = 1;

/**
 * Makes a client of the service. A call rejects with a ProblemError or an UnreachableError, or with the reason
 * of an aborted signal.
 *
 * A call that was refused with 429 or 503 is tried once more, after its Retry-After. After 503, one that makes
 * something is not: the service may have made it before it lost the database.
 *
 * @param {ClientOptions} options
 * @returns {Client}
 */
export function createClient({ baseUrl, headers = {}, timeout = 15_000, longestWait = 10 }) {
  const base = baseUrl.replace(/\/+$/, "");

  /**
   * @param {Operation} operation
   * @param {Input | undefined} input
   * @param {AbortSignal | undefined} signal
   */
  async function send(operation, input, signal) {
    const { url, body } = requestOf(operation, input);
    const limit = AbortSignal.timeout(timeout);
    return fetch(base + url, {
      method: operation.method,
      // The session cookie belongs to the service's origin. Without this a browser neither sends nor keeps it.
      credentials: "include",
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body === undefined ? {} : { body }),
    }).catch((cause) => fail(cause, signal));
  }

  /**
   * @param {unknown} cause
   * @param {AbortSignal | undefined} signal
   * @returns {never}
   */
  function fail(cause, signal) {
    signal?.throwIfAborted();
    throw new UnreachableError(base, cause);
  }

  /**
   * @param {Operation} operation
   * @param {Input | undefined} input
   * @param {CallOptions} [options]
   */
  async function call(operation, input, { signal } = {}) {
    let response = await send(operation, input, signal);
    const seconds = secondsToSecondAttempt(operation, response);
    if (seconds !== undefined && seconds <= longestWait && longestWait > 0) {
      await response.body?.cancel();
      await wait(seconds, signal);
      response = await send(operation, input, signal);
    }
    if (response.status === 204) return undefined;
    if (response.ok) return response.json().catch((cause) => fail(cause, signal));
    // A proxy in between may answer with something that is no JSON, or no object.
    const problem = Object(await response.json().catch(() => null));
    throw new ProblemError(response.status, problem, secondsOf(response.headers.get("Retry-After")));
  }

  const calls = Object.entries(operations).map(([name, operation]) => [
    name,
    (/** @type {Input | undefined} */ input, /** @type {CallOptions | undefined} */ options) => call(operation, input, options),
  ]);
  return {
    .../** @type {Client} */ (Object.fromEntries(calls)),
    signInUrl({ provider, returnTo } = {}) {
      const query = new URLSearchParams();
      if (returnTo !== undefined) query.set("return_to", returnTo);
      if (provider !== undefined) query.set("provider", provider);
      return `${base}/auth/login${query.size ? `?${query}` : ""}`;
    },
  };
}

/**
 * @param {Operation} operation
 * @param {Input | undefined} input
 * @returns {{ url: string, body: string | undefined }}
 */
function requestOf({ path, body = false, query = [] }, input) {
  const rest = { ...input };
  /** @param {string} name */
  const take = (name) => {
    const value = rest[name];
    delete rest[name];
    return value;
  };
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(take(name))));
  const search = new URLSearchParams();
  for (const name of query) {
    const value = take(name);
    if (value !== undefined) search.set(name, String(value));
  }
  return {
    url: filled + (search.size ? `?${search}` : ""),
    body: body && input !== undefined ? JSON.stringify(rest) : undefined,
  };
}

/**
 * @param {Operation} operation
 * @param {Response} response
 * @returns {number | undefined} undefined where there is none
 */
function secondsToSecondAttempt({ creates = false }, { status, headers }) {
  const isRefused = status === TOO_MANY_REQUESTS || (status === UNAVAILABLE && !creates);
  return isRefused ? (secondsOf(headers.get("Retry-After")) ?? DEFAULT_WAIT) : undefined;
}
