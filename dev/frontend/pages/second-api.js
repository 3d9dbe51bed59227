// Another service learns who is calling from a token of this one (docs/other-services.md, dev/second_api.py).

import { UnreachableError } from "/client/index.js";
import { act } from "/act.js";
import { api, secondApiUrl } from "/service.js";
import { show } from "/view.js";
import { registered } from "/visitor.js";

export async function open() {
  const session = await registered();
  if (!session) return;
  const view = show("second-api", { address: secondApiUrl });
  const ask = (headers) => call(headers).then(tell);
  view.querySelector("#call").addEventListener("click", () =>
    act(async () => {
      const { access_token } = await api.issueAccessToken({ audience: secondApiUrl });
      await ask({ Authorization: `Bearer ${access_token}` });
    }),
  );
  view.querySelector("#call-without").addEventListener("click", () => act(() => ask({})));
}

async function call(headers) {
  const response = await fetch(secondApiUrl, { headers }).catch((cause) => {
    throw new UnreachableError(secondApiUrl, cause);
  });
  return { status: response.status, body: await response.json() };
}

function tell({ status, body }) {
  document.getElementById("answer").textContent = `HTTP ${status}\n${JSON.stringify(body, null, 2)}`;
}
