// One page for each address. Each asks the service first: the session cookie is HttpOnly, so no script can look at it,
// and only the service knows whether it still counts.

import { ProblemError, UnreachableError } from "/client/index.js";
import { failed } from "/act.js";
import "/copy.js";
import * as account from "/pages/account.js";
import * as secondApi from "/pages/second-api.js";
import { home, register, signInFailed } from "/pages/sign-in.js";
import * as tokens from "/pages/tokens.js";
import { apiUrl, caller, getSession } from "/service.js";
import { show } from "/view.js";

const PAGES = {
  "/": { open: home },
  "/dashboard": account,
  "/tokens": tokens,
  "/second-api": secondApi,
  "/auth/register": { open: register },
  "/auth/login": { open: signInFailed },
};
const path = location.pathname.replace(/\/+$/, "") || "/";
const page = Object.hasOwn(PAGES, path) ? PAGES[path] : { open: () => show("not-found", { path: location.pathname }) };

async function start() {
  try {
    await page.open();
  } catch (error) {
    failed(error);
  }
}

const POLL_MS = 10_000;
let isLooking = false;

/** Asks the service while somebody sees the page, one question at a time. */
async function look(ask) {
  if (isLooking || document.visibilityState !== "visible") return;
  isLooking = true;
  try {
    await ask();
  } catch (error) {
    // What is shown stays while the service cannot say more; the next button tells why.
    if (!(error instanceof ProblemError || error instanceof UnreachableError)) throw error;
  } finally {
    isLooking = false;
  }
}

/** Whoever comes back to the page sees what happened elsewhere: a new session, a sign-out, another account. */
async function comeBack() {
  const before = caller();
  if (before === undefined) return;
  const { registered } = await getSession();
  const { view } = document.getElementById("main").dataset;
  if (caller() !== before || view === "unavailable" || view === "rate-limited") await page.open();
  else if (registered) await page.refresh?.();
}

for (const link of document.querySelectorAll("nav a")) {
  if (link.pathname === path) link.ariaCurrent = "page";
}
for (const link of document.querySelectorAll("[data-api-path]")) {
  link.href = apiUrl + link.dataset.apiPath;
  link.textContent ||= apiUrl;
}
addEventListener("focus", () => look(comeBack));
document.addEventListener("visibilitychange", () => look(comeBack));
if (page.poll) setInterval(look, POLL_MS, page.poll);
// The Back button may bring a page back as it was before signing out: ask again.
addEventListener("pageshow", (event) => event.persisted && start());
await start();
