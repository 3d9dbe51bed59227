// What a button does, and what the page says of it.

import { ProblemError, UnreachableError } from "/client/index.js";
import { api, webappUrl } from "/service.js";
import { say, show } from "/view.js";
import { anonymous, keepPage } from "/visitor.js";

// Refusals that people can do something about. The codes are stable, so these sentences are the frontend's to word.
const REFUSALS = {
  last_identity: "This is your only way to sign in. Link another one first, then remove this one.",
  sign_in_again: "You can do this only if you signed in within the last ten minutes.",
  too_many_tokens: "You have 20 API tokens, and that is the limit. Revoke one first.",
  audience_not_allowed: "The setting TOKEN_AUDIENCES does not list the second API. Add its address there.",
};

/**
 * Does something, shows what has become of the page, and says what was done. A refusal is said, too, and leaves what
 * was typed where it is.
 */
export async function act(change, { then = () => {}, done = "" } = {}) {
  say("");
  try {
    const answer = await change();
    await then(answer);
    say(done);
  } catch (error) {
    const isRefusal = error instanceof ProblemError && [403, 404, 409, 422].includes(error.status);
    if (!isRefusal) return failed(error);
    say(REFUSALS[error.code] ?? error.message, {
      isError: true,
      link: error.code === "sign_in_again" ? signInAgain() : undefined,
    });
  }
}

function signInAgain() {
  const link = document.createElement("a");
  link.href = api.signInUrl({ returnTo: keepPage() });
  link.textContent = "Sign in again";
  return link;
}

export async function signOut() {
  await act(() => api.signOut(), { then: () => location.assign("/") });
}

/** Shows why the page cannot be shown. */
export function failed(error) {
  if (error instanceof ProblemError && error.status === 401) return anonymous().catch(failed);
  if (error instanceof ProblemError && error.status === 429) return rateLimited(error.retryAfter ?? 0);
  if (!(error instanceof ProblemError || error instanceof UnreachableError)) throw error;
  if (error instanceof UnreachableError && location.origin !== new URL(webappUrl).origin) return otherFrontend();
  // 503 means "cannot be checked", which is not "signed out": treating it so would sign everybody out of the
  // page while the database restarts.
  const view = show("unavailable", { reason: error.message });
  view.querySelector("#retry").addEventListener("click", () => location.reload());
}

/** The service refuses pages of any other origin than WEBAPP_URL's, and a browser tells such a page nothing but that. */
function otherFrontend() {
  const view = show("other-frontend", { webappUrl, origin: location.origin, command: `WEBAPP_URL=${location.origin} bin/dev` });
  view.querySelector("#webapp-link").href = webappUrl;
  // On another host the browser would not send the session's cookie along.
  view.querySelector("#to-use-sample").hidden = location.hostname !== new URL(webappUrl).hostname;
}

function rateLimited(seconds) {
  const view = show("rate-limited", { wait: seconds ? `Try again in ${seconds} s.` : "Wait a moment." });
  const retry = view.querySelector("#retry");
  retry.disabled = seconds > 0;
  setTimeout(() => (retry.disabled = false), seconds * 1000);
  retry.addEventListener("click", () => location.reload());
}
