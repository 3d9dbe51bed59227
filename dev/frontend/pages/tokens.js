// API tokens: what scripts sign in with.

import { act } from "/act.js";
import { api, apiUrl } from "/service.js";
import { fill, fillList, show } from "/view.js";
import { registered } from "/visitor.js";

export async function open() {
  const session = await registered();
  if (!session) return;
  const { tokens } = await api.listTokens();
  const view = show("tokens");
  fillTokens(tokens);
  const form = view.querySelector("#token-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = form.elements.name.value.trim();
    const days = Number(form.elements.days.value);
    act(() => api.createToken({ name, expires_in_days: days || null }), {
      then: async (made) => {
        form.reset();
        reveal(made.token);
        await refresh();
      },
    });
  });
}

/** Shows what has changed since, perhaps elsewhere; what is being typed stays. */
export async function refresh() {
  const session = await registered();
  if (session) fillTokens((await api.listTokens()).tokens);
}

function reveal(token) {
  const box = document.getElementById("new-token");
  const secret = box.querySelector("#secret");
  box.hidden = false;
  secret.value = token;
  box.querySelector("#try-token").textContent = `curl -H "Authorization: Bearer ${token}" ${apiUrl}/auth/user`;
  secret.focus();
  secret.select();
}

function fillTokens(tokens) {
  fillList(document.getElementById("tokens"), tokens.map(tokenRow));
  document.getElementById("no-tokens").hidden = tokens.length > 0;
}

function tokenRow(token) {
  const row = fill("token-row", token);
  const isOver = token.expires_at && new Date(token.expires_at) < new Date();
  row.querySelector("[data-testid=expired]").hidden = !isOver;
  const revoke = row.querySelector("[data-testid=revoke-token]");
  revoke.dataset.key = token.id;
  revoke.addEventListener("click", () =>
    act(() => api.deleteToken({ token_id: token.id }), {
      then: () => {
        document.getElementById("new-token").hidden = true;
        return refresh();
      },
      done: `The token “${token.name}” is revoked.`,
    }),
  );
  return row;
}
