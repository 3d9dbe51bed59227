// A button with data-copy="ID" copies what that element shows: the value of a field, or its text.

import { say } from "/view.js";

const COPIED_MS = 3_000;

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    // Browsers have no clipboard for pages without https, unless they are on localhost.
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    select(source);
    say("Your browser does not let this page copy. The text is selected: press Ctrl+C, or ⌘C on a Mac.", { isError: true });
    return;
  }
  say("");
  tell(button);
}

function select(source) {
  if (source.select) {
    source.focus();
    source.select();
  } else {
    getSelection().selectAllChildren(source);
  }
}

function tell(button) {
  const status = document.getElementById("status");
  button.textContent = status.textContent = "Copied.";
  setTimeout(() => {
    button.textContent = "Copy";
    status.textContent = "";
  }, COPIED_MS);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
