// The service, the second API beside it, and WEBAPP_URL. bin/dev says where they are.

import { createClient } from "/client/index.js";

export const { apiUrl, secondApiUrl, webappUrl } = await fetch("/config.json").then((response) => response.json());
export const api = createClient({ baseUrl: apiUrl });
/** Never tries a refused call a second time: the page that polls asks again soon anyway. */
export const pollingApi = createClient({ baseUrl: apiUrl, longestWait: 0 });

let lastCaller;

/** Who is calling, as the service says. */
export async function getSession() {
  const session = await api.getSession();
  const state = session.registered ? "registered" : session.authenticated ? "new" : "nobody";
  lastCaller = `${state} ${session.user?.email ?? ""}`;
  return session;
}

/** Whom the page was last made for, to be compared; undefined where the service was not asked. */
export function caller() {
  return lastCaller;
}
