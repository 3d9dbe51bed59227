/** @import { ProblemBody, ProblemCode } from "./types.js" */

/** The service refused. Its code is for programs, its message for people. */
export class ProblemError extends Error {
  /**
   * @param {number} status of HTTP
   * @param {Partial<ProblemBody>} problem empty where the answer was none of the service's, but a proxy's
   * @param {number | undefined} retryAfter seconds
   */
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "ProblemError";
    this.status = status;
    this.code = /** @type {ProblemCode | "unknown"} */ (problem.code ?? "unknown");
    /** For the operator, who finds it in the log. */
    this.requestId = problem.request_id;
    this.retryAfter = retryAfter;
  }
}

/**
 * There was no answer that this page may read: the service is stopped, the network is away, it took too long,
 * or the page's origin is not among ALLOWED_ORIGINS. The browser does not tell scripts which.
 */
export class UnreachableError extends Error {
  /**
   * @param {string} baseUrl
   * @param {unknown} cause
   */
  constructor(baseUrl, cause) {
    super(`${baseUrl} does not answer, or does not allow requests from this origin.`, { cause });
    this.name = "UnreachableError";
  }
}
