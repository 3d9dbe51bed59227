// One function for each page. Each asks the service first: the session cookie is HttpOnly, so no script can
// look at it, and only the service knows whether it still counts.

import { createClient, ProblemError, UnreachableError } from "/client/index.js";
import { describeDevice, fill, show } from "/view.js";

const { apiUrl } = await fetch("/config.json").then((response) => response.json());
const api = createClient({ baseUrl: apiUrl });

// What went wrong on the way to the provider and back. The service redirects to /auth/login?error=CODE; codes are
// stable, so these sentences are the frontend's to word.
const SIGN_IN_ERRORS = {
  access_denied: "You cancelled at the sign-in provider, or it refused. Nothing was shared.",
  provider_unavailable: "The sign-in provider does not answer. Try again in a minute.",
  invalid_state: "This sign-in took too long, or was started in another browser. Start again from here.",
  invalid_token: "The sign-in provider's answer could not be verified.",
  email_not_verified: "Your e-mail address is not verified. Verify it at the sign-in provider, then come back.",
  email_taken: "Another account here has your e-mail address. Sign in the way you did when you created it.",
  domain_not_allowed: "Only e-mail addresses of certain domains may sign in here. Choose another account.",
  registration_closed: "There is no account for you here, and new ones are not being accepted.",
  account_disabled: "Your account is disabled. Ask whoever runs this service.",
  oauth_failed: "Something went wrong between this service and the sign-in provider.",
};

const PAGES = { "/": home, "/dashboard": dashboard, "/auth/register": register, "/auth/login": signInFailed };

async function home() {
  const session = await api.getSession();
  if (!session.authenticated) return anonymous();
  if (!session.registered) return show("unregistered", session.user);
  show("home", named(session.user));
}

async function dashboard() {
  const session = await api.getSession();
  if (!session.authenticated) return anonymous();
  if (!session.registered) return location.replace("/auth/register");
  const { sessions } = await api.listSessions();

  const user = named(session.user);
  const view = show("dashboard", { ...user, initial: user.name[0].toUpperCase(), expires_at: session.expires_at });
  const picture = view.querySelector("#user-picture");
  if (user.picture) {
    picture.addEventListener("load", () => (picture.hidden = false));
    picture.src = user.picture;
  }
  for (const entry of sessions) {
    const device = describeDevice(entry.user_agent);
    const row = fill("session-row", { ...entry, device, address: entry.ip ?? "an unknown address" });
    row.querySelector("[data-testid=current]").hidden = !entry.current;
    const end = row.querySelector("[data-testid=end-session]");
    end.hidden = entry.current;
    end.addEventListener("click", () => act(() => api.endSession({ session_id: entry.id })));
    view.querySelector("#sessions").append(row);
  }
  const endOthers = view.querySelector("#end-others");
  endOthers.hidden = sessions.length < 2;
  endOthers.addEventListener("click", () => act(() => api.endOtherSessions()));
  view.querySelector("#sign-out").addEventListener("click", signOut);

  const form = view.querySelector("#profile-form");
  const field = view.querySelector("#profile-name");
  field.value = session.user.name ?? "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(() => api.changeUser({ name: field.value.trim() || null }));
  });

  const dialog = view.querySelector("#delete-dialog");
  view.querySelector("#delete-account").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => dialog.returnValue === "delete" && act(() => api.deleteUser()));
}

/** Does something to the account, then shows the dashboard as it has become, or the refusal on it. */
async function act(change) {
  try {
    await change();
    await dashboard();
  } catch (error) {
    if (error.status !== 422) return failed(error);
    document.getElementById("profile-error").textContent = error.message;
  }
}

async function register() {
  const session = await api.getSession();
  if (!session.authenticated) return anonymous();
  if (session.registered) return location.replace("/dashboard");

  const view = show("register", session.user);
  const field = view.querySelector("#register-name");
  const error = view.querySelector("#register-error");
  const submit = view.querySelector("#register-submit");
  field.value = session.user.name ?? "";
  view.querySelector("#sign-out").addEventListener("click", signOut);
  view.querySelector("#register-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.replaceChildren();
    const name = field.value.trim();
    try {
      await api.register(name ? { name } : {});
      location.assign("/dashboard");
    } catch (problem) {
      // 409: the address is taken, or another tab was quicker. 422: the name was refused. Both, and an outage,
      // are said beside the form, so that nothing typed is lost. 401: the hour for registering is over.
      if (problem.status === 401 || problem.status === 429) return failed(problem);
      submit.disabled = false;
      error.textContent = problem.message;
      field.focus();
    }
  });
}

/** The service is not asked here, for it may be what failed: the reason is in the address. */
function signInFailed() {
  const code = new URLSearchParams(location.search).get("error");
  if (!code) return anonymous();
  // An unknown code, perhaps of a newer service, is still a failed sign-in.
  const sentence = Object.hasOwn(SIGN_IN_ERRORS, code) ? SIGN_IN_ERRORS[code] : SIGN_IN_ERRORS.oauth_failed;
  linkToSignIn(show("login-error", { code, sentence }));
}

function anonymous() {
  linkToSignIn(show("anonymous"));
}

async function signOut() {
  try {
    await api.signOut();
    location.assign("/");
  } catch (error) {
    failed(error);
  }
}

/** After sign-in the service sends people to `return_to` here, and those it does not know to /auth/register. */
function linkToSignIn(view) {
  view.querySelector("[data-sign-in]").href = api.signInUrl({ returnTo: "/dashboard" });
}

function failed(error) {
  if (error instanceof ProblemError && error.status === 401) return anonymous();
  if (error instanceof ProblemError && error.status === 429) return rateLimited(error.retryAfter);
  if (!(error instanceof ProblemError || error instanceof UnreachableError)) throw error;
  // 503 means "cannot be checked", which is not "signed out": treating it so would sign everybody out of the
  // page while the database restarts.
  const view = show("unavailable", { reason: error.message });
  view.querySelector("#retry").addEventListener("click", start);
}

function rateLimited(seconds) {
  const view = show("rate-limited", { wait: seconds ? `You may go on in ${seconds} s.` : "Wait a moment." });
  const retry = view.querySelector("#retry");
  retry.disabled = seconds > 0;
  setTimeout(() => (retry.disabled = false), seconds * 1000);
  retry.addEventListener("click", start);
}

/** The name is optional; the e-mail address is always there. */
function named(user) {
  return { ...user, name: user.name || user.email };
}

async function start() {
  const path = location.pathname.replace(/\/+$/, "") || "/";
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : () => show("not-found");
  try {
    await page();
  } catch (error) {
    failed(error);
  }
}

for (const link of document.querySelectorAll("nav a")) {
  if (link.pathname === location.pathname) link.ariaCurrent = "page";
}
for (const link of document.querySelectorAll("[data-api-path]")) {
  link.href = apiUrl + link.dataset.apiPath;
  link.textContent ||= apiUrl;
}
// The Back button may bring a page back as it was before signing out: ask again.
addEventListener("pageshow", (event) => event.persisted && start());
await start();
