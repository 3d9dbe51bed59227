// Puts data into the templates of index.html. Only textContent is ever set, so a name is never read as HTML.

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const BROWSERS = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", Linux: "Linux" };

/** A copy of a template with its data-text and data-time places filled. */
export function fill(id, values = {}) {
  const copy = document.getElementById(id).content.cloneNode(true);
  fillIn(copy, values);
  return copy;
}

/** Fills the data-text and data-time places inside an element. A time that is null is told as "never". */
export function fillIn(element, values) {
  for (const place of element.querySelectorAll("[data-text]")) {
    place.textContent = values[place.dataset.text] ?? "";
  }
  for (const place of element.querySelectorAll("[data-time]")) {
    const moment = values[place.dataset.time];
    place.dateTime = moment ?? "";
    place.textContent = moment ? TIME.format(new Date(moment)) : "never";
  }
}

/** Replaces what the page shows, and says so to people who do not see it. Returns the main element. */
export function show(name, values) {
  const main = document.getElementById("main");
  const first = main.dataset.view === "loading";
  main.replaceChildren(fill(`view-${name}`, values));
  main.dataset.view = name;
  main.ariaBusy = "false";
  const title = main.querySelector("h1");
  document.title = `${title.textContent} · connected-backend sample`;
  document.getElementById("status").textContent = title.textContent;
  // Whoever pressed a button that is now gone continues at the new heading.
  if (!first) title.focus();
  return main;
}

/** Fills a list anew. Whoever was at a button in it that is now gone continues at the section's heading. */
export function fillList(list, rows) {
  const hadFocus = list.contains(document.activeElement);
  const key = document.activeElement.dataset.key;
  list.replaceChildren(...rows);
  if (!hadFocus) return;
  const same = key && list.querySelector(`[data-key="${CSS.escape(key)}"]`);
  (same || list.closest("section").querySelector("h2")).focus();
}

const MESSAGE_MS = 10_000;
const timers = new WeakMap();

/** Says beside a button what it did, in an element with role=status; it goes by itself. */
export function sayAt(place, text) {
  clearTimeout(timers.get(place));
  place.textContent = text;
  timers.set(place, setTimeout(() => (place.textContent = ""), MESSAGE_MS));
}

let timer;

/**
 * Says what happened, on the screen and to people who do not see it; an empty text takes it away. What went well goes
 * by itself, for it lies over the page.
 */
export function say(text, { isError = false, link } = {}) {
  const message = document.getElementById("message");
  clearTimeout(timer);
  if (text && !isError) timer = setTimeout(say, MESSAGE_MS, "");
  message.className = isError ? "notice error" : "notice";
  message.replaceChildren(text, ...(link ? [" ", link] : []));
}

/** "Firefox on Linux": good enough to recognise one's own devices by. */
export function describeDevice(userAgent) {
  const pick = (names) => Object.entries(names).find(([word]) => userAgent?.includes(word))?.[1];
  const parts = [pick(BROWSERS), pick(SYSTEMS)].filter(Boolean);
  return parts.join(" on ") || "Unknown device";
}
