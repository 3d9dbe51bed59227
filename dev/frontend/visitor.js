// Somebody who is not signed in: the page that says so, and the page that was wanted.

import { api, getSession } from "/service.js";
import { fill, show } from "/view.js";

const KEPT = "page to go on to";
export const FIRST = "/dashboard";

/** Notes the page that somebody wants, for the service does not tell it to the page where people register. */
export function keepPage() {
  const isPlace = location.pathname !== "/" && !location.pathname.startsWith("/auth/");
  const page = isPlace ? location.pathname : (sessionStorage.getItem(KEPT) ?? FIRST);
  sessionStorage.setItem(KEPT, page);
  return page;
}

/** Forgets it, as the one that is open now is wanted. */
export function forgetPage() {
  sessionStorage.removeItem(KEPT);
}

/** The session of somebody with an account. Others see a page of theirs, and the answer is null. */
export async function registered() {
  const session = await getSession();
  if (session.registered) return session;
  if (session.authenticated) {
    keepPage();
    location.replace("/auth/register");
  } else {
    await anonymous();
  }
  return null;
}

export async function anonymous() {
  const isHome = location.pathname === "/";
  const { providers } = await api.listProviders();
  const view = show("anonymous", { title: isHome ? "Try out connected-backend" : "You are not signed in" });
  if (isHome) view.querySelector("#intro").append(fill("what-this-is"));
  view.querySelector("#reason").hidden = isHome;
  // After sign-in the service sends people to `return_to` here, and those it does not know to /auth/register.
  const returnTo = keepPage();
  for (const { name, label } of providers) {
    const row = fill("sign-in-row", { words: `Sign in with ${label}` });
    const link = row.querySelector("a");
    link.href = api.signInUrl({ provider: name, returnTo });
    link.dataset.provider = name;
    view.querySelector("#providers").append(row);
  }
  view.querySelector("#choose").href = api.signInUrl({ returnTo });
}
