// The one place that talks to the service. It knows nothing of this page, so copy it as it is.

/** The service answered with an error. `problem` is its RFC 9457 body, `retryAfter` seconds or 0. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/**
 * There was no answer that this page may read: the service is stopped, the network is away, or this page's
 * origin is not among ALLOWED_ORIGINS. The browser does not tell scripts which.
 */
export class UnreachableError extends Error {}

export class Api {
  #url;

  constructor(url) {
    this.#url = url;
  }

  /** Where a "Sign in" link points: a page to visit, not one to fetch. `returnTo` is a path of this frontend. */
  signInUrl(returnTo) {
    return `${this.#url}/auth/login?${new URLSearchParams({ return_to: returnTo })}`;
  }

  session() {
    return this.#call("GET", "/auth/session");
  }

  async sessions() {
    return (await this.#call("GET", "/auth/sessions")).sessions;
  }

  register(fields) {
    return this.#call("POST", "/auth/register", fields);
  }

  /** Ends one session, by the id it has in the list. */
  endSession(id) {
    return this.#call("DELETE", `/auth/sessions/${id}`);
  }

  endOtherSessions() {
    return this.#call("POST", "/auth/sessions/revoke-others");
  }

  /** `fields` holds name, picture or both; null empties one. */
  changeUser(fields) {
    return this.#call("PATCH", "/auth/user", fields);
  }

  deleteUser() {
    return this.#call("DELETE", "/auth/user");
  }

  signOut() {
    return this.#call("POST", "/auth/logout");
  }

  async #call(method, path, body) {
    const options = {
      method,
      // The session cookie belongs to the service's origin, not to this one. Without this line the browser
      // neither sends it nor keeps a new one, and everybody looks signed out.
      credentials: "include",
      signal: AbortSignal.timeout(15_000),
    };
    if (body !== undefined) {
      options.headers = { "Content-Type": "application/json" };
      options.body = JSON.stringify(body);
    }
    const response = await fetch(this.#url + path, options).catch((cause) => {
      const message = `${this.#url} does not answer, or does not allow requests from ${location.origin}.`;
      throw new UnreachableError(message, { cause });
    });
    if (response.ok) {
      return response.status === 204 ? null : response.json();
    }
    // A proxy in between may answer with something that is not JSON.
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response.status, problem, Number(response.headers.get("Retry-After")) || 0);
  }
}
