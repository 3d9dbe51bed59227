// The dashboard: who somebody is, how and where they are signed in.

import { act, signOut } from "/act.js";
import { sentenceOf } from "/pages/sign-in.js";
import { api, pollingApi } from "/service.js";
import { describeDevice, fill, fillIn, fillList, say, sayAt, show } from "/view.js";
import { registered } from "/visitor.js";

export async function open() {
  const session = await registered();
  if (!session) return;
  const [{ providers }, lists] = await Promise.all([api.listProviders(), ask()]);
  const view = show("dashboard", values(session));
  const picture = view.querySelector("#user-picture");
  if (session.user.picture) {
    picture.addEventListener("load", () => (picture.hidden = false));
    picture.src = session.user.picture;
  }
  view.querySelector("#profile-name").value = session.user.name ?? "";
  fillGroups(session.user.groups);
  fillGroupCommands(session.user);
  fillLists(lists, providers);

  view.querySelector("#sign-out").addEventListener("click", signOut);
  view.querySelector("#end-others").addEventListener("click", () =>
    act(() => api.endOtherSessions(), { then: refresh, done: "You are signed out everywhere else." }),
  );
  view.querySelector("#profile-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = view.querySelector("#profile-name").value.trim();
    act(() => api.changeUser({ name }), {
      then: async () => {
        await refresh();
        sayAt(view.querySelector("#profile-saved"), "Your name is saved.");
      },
    });
  });
  const dialog = view.querySelector("#delete-dialog");
  view.querySelector("#delete-account").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "delete") act(() => api.deleteUser(), { then: open, done: "Your account is deleted." });
  });
  tellOfLinking(providers);
}

/** Shows what has changed since, perhaps elsewhere; what is being typed stays. */
export async function refresh() {
  const session = await registered();
  if (!session) return;
  const [{ providers }, lists] = await Promise.all([api.listProviders(), ask()]);
  fillIn(document.getElementById("who"), values(session));
  fillGroups(session.user.groups);
  fillLists(lists, providers);
}

/** Shows a session that began or ended elsewhere, with a single request, as it is asked again and again. */
export async function poll() {
  if (document.getElementById("main").dataset.view !== "dashboard") return;
  try {
    const { sessions } = await pollingApi.listSessions();
    // A list that stays the same is left alone: somebody may be pressing one of its buttons.
    if (JSON.stringify(sessions) !== shownSessions) fillSessions(sessions);
  } catch (error) {
    if (error.status !== 401) throw error;
    await open();
  }
}

/** The name is optional; the e-mail address is always there. */
function values({ user, expires_at }) {
  const name = user.name || user.email;
  return { ...user, name, initial: name[0].toUpperCase(), expires_at };
}

async function ask() {
  const [{ sessions }, { identities }] = await Promise.all([api.listSessions(), api.listIdentities()]);
  return { sessions, identities };
}

function fillLists({ sessions, identities }, providers) {
  fillSessions(sessions);
  fillIdentities(identities, providers);
}

/** A shell reads some characters of addresses as its own. It takes an id as it is. */
function fillGroupCommands({ id, email }) {
  const who = /^[a-z0-9][a-z0-9.@_+-]*$/i.test(email) ? email : id;
  document.getElementById("join-group").textContent = `bin/users group add ${who} staff`;
  document.getElementById("leave-group").textContent = `bin/users group remove ${who} staff`;
}

let shownSessions;

function fillSessions(sessions) {
  shownSessions = JSON.stringify(sessions);
  fillList(document.getElementById("sessions"), sessions.map(sessionRow));
  document.getElementById("end-others").hidden = sessions.length < 2;
}

/** The service refuses to remove the last one, so the page does not offer it. */
function fillIdentities(identities, providers) {
  const isOnly = identities.length === 1;
  const rows = identities.map((identity) => identityRow(identity, providers, isOnly));
  fillList(document.getElementById("identities"), rows);
  document.getElementById("only-identity").hidden = !isOnly;
  document.getElementById("removing").hidden = isOnly;
  const linked = new Set(identities.map(({ provider }) => provider));
  fillList(document.getElementById("link"), providers.map((provider) => linkRow(provider, linked)));
}

function fillGroups(groups) {
  const rows = groups.map((group) => fill("group-row", { group }));
  document.getElementById("groups").replaceChildren(...rows);
  document.getElementById("no-groups").hidden = groups.length > 0;
}

function sessionRow(session) {
  const device = describeDevice(session.user_agent);
  const row = fill("session-row", { ...session, device, address: session.ip ?? "an unknown address" });
  row.querySelector("[data-testid=current]").hidden = !session.current;
  const end = row.querySelector("[data-testid=end-session]");
  end.hidden = session.current;
  end.dataset.key = session.id;
  end.addEventListener("click", () =>
    act(() => api.endSession({ session_id: session.id }), { then: refresh, done: `${device} is signed out.` }),
  );
  return row;
}

function labelOf(name, providers) {
  return providers.find((provider) => provider.name === name)?.label ?? "A former provider";
}

function identityRow(identity, providers, isOnly) {
  const label = labelOf(identity.provider, providers);
  const row = fill("identity-row", { ...identity, label });
  const remove = row.querySelector("[data-testid=remove-identity]");
  remove.hidden = isOnly;
  remove.dataset.key = identity.id;
  remove.addEventListener("click", () =>
    act(() => api.removeIdentity({ identity_id: identity.id }), {
      then: refresh,
      done: `${label} is removed. You are signed out wherever you signed in with it.`,
    }),
  );
  return row;
}

function linkRow({ name, label }, linked) {
  const row = fill("link-row", { words: linked.has(name) ? `Link another account of ${label}` : `Link ${label}` });
  const button = row.querySelector("button");
  button.dataset.link = button.dataset.key = name;
  button.addEventListener("click", () =>
    act(() => api.linkIdentity({ provider: name, return_to: `/dashboard?linked=${name}` }), {
      then: ({ authorization_url }) => location.assign(authorization_url),
    }),
  );
  return row;
}

/** Whoever links an identity comes back with what came of it in the address. */
function tellOfLinking(providers) {
  const query = new URLSearchParams(location.search);
  const error = query.get("error");
  const linked = query.get("linked");
  if (error) say(sentenceOf(error), { isError: true });
  else if (linked) say(`You can sign in with ${labelOf(linked, providers)}, too.`);
  if (location.search) history.replaceState(null, "", location.pathname);
}
