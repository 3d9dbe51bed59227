// Puts data into the templates of index.html. Only textContent is ever set, so a name is never read as HTML.

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const BROWSERS = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" };
const SYSTEMS = { Android: "Android", iPhone: "iPhone", iPad: "iPad", Windows: "Windows", "Mac OS": "macOS", Linux: "Linux" };

/** A copy of a template with its data-text and data-time places filled. */
export function fill(id, values = {}) {
  const copy = document.getElementById(id).content.cloneNode(true);
  for (const place of copy.querySelectorAll("[data-text]")) {
    place.textContent = values[place.dataset.text] ?? "";
  }
  for (const place of copy.querySelectorAll("[data-time]")) {
    place.dateTime = values[place.dataset.time];
    place.textContent = TIME.format(new Date(place.dateTime));
  }
  return copy;
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

/** "Firefox on Linux": good enough to recognise one's own devices by. */
export function describeDevice(userAgent) {
  const pick = (names) => Object.entries(names).find(([word]) => userAgent?.includes(word))?.[1];
  const parts = [pick(BROWSERS), pick(SYSTEMS)].filter(Boolean);
  return parts.join(" on ") || "Unknown device";
}
