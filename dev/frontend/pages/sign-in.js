// Before somebody has an account: signing in, its failure, registering.

import { failed, signOut } from "/act.js";
import { api, getSession } from "/service.js";
import { fill, show } from "/view.js";
import { anonymous, FIRST, forgetPage, keepPage } from "/visitor.js";

// What went wrong on the way to the provider and back. The service redirects to /auth/login?error=CODE; codes are
// stable, so these sentences are the frontend's to word.
const SIGN_IN_ERRORS = {
  access_denied: "You cancelled at the sign-in provider, or it refused you. It told this service nothing about you.",
  provider_unavailable: "The sign-in provider does not answer. Try again in a minute.",
  invalid_state: "This sign-in took too long, or you began it in another browser. Try again.",
  invalid_token: "The sign-in provider's answer could not be verified.",
  email_not_verified: "Your e-mail address is not verified. Verify it at the sign-in provider, then come back.",
  email_taken:
    "Another account here has your e-mail address. Sign in the way you did when you created it; then you can link this one.",
  identity_taken: "It was not linked, because it belongs to somebody else's account here.",
  domain_not_allowed: "Only certain e-mail addresses may sign in here. Choose another account.",
  registration_closed: "There is no account for you here, and new ones are not being accepted.",
  account_disabled: "Your account is disabled. Ask whoever runs this service.",
  oauth_failed: "Something went wrong between this service and the sign-in provider.",
};

/** The sentence for a code; an unknown one, perhaps of a newer service, is still a failed sign-in. */
export function sentenceOf(code) {
  return Object.hasOwn(SIGN_IN_ERRORS, code) ? SIGN_IN_ERRORS[code] : SIGN_IN_ERRORS.oauth_failed;
}

export async function home() {
  forgetPage();
  const session = await getSession();
  if (!session.authenticated) return anonymous();
  if (!session.registered) return show("unregistered", session.user);
  const view = show("home", { ...session.user, name: session.user.name || session.user.email });
  view.querySelector("#intro").append(fill("what-this-is"));
}

/** The service is not asked here, for it may be what failed: the reason is in the address. */
export function signInFailed() {
  const code = new URLSearchParams(location.search).get("error");
  if (!code) return anonymous();
  const view = show("login-error", { code, sentence: sentenceOf(code) });
  view.querySelector("#try-again").href = api.signInUrl({ returnTo: keepPage() });
}

export async function register() {
  const session = await getSession();
  if (!session.authenticated) return anonymous();
  if (session.registered) return location.replace(FIRST);

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
      location.assign(keepPage());
    } catch (problem) {
      // 409: the address is taken, or another tab was quicker. 422: the name was refused. Both, and an outage,
      // are said beside the form, so that nothing typed is lost. 401: the hour for registering is over.
      if (problem.status === 401 || problem.status === 429) return failed(problem);
      submit.disabled = false;
      error.textContent = SIGN_IN_ERRORS[problem.code] ?? problem.message;
      field.focus();
    }
  });
}
