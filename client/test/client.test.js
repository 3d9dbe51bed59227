// Against the real service, which tests/client/ starts; it says in the environment where.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createClient, ProblemError, UnreachableError } from "../src/index.js";

/** @param {string} name */
function given(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run this through tests/client/`);
  return value;
}

const baseUrl = given("SERVICE");
const headers = { Cookie: given("COOKIE"), Origin: given("ORIGIN") };
const client = createClient({ baseUrl, headers });
const anonymous = createClient({ baseUrl });

/**
 * @param {number} status
 * @param {string} code
 */
const refused = (status, code) => (/** @type {unknown} */ error) =>
  error instanceof ProblemError && error.status === status && error.code === code;

test("a visitor is nobody, and refused with a code", async () => {
  assert.deepEqual(await anonymous.getSession(), {
    authenticated: false,
    registered: false,
    user: null,
    expires_at: null,
  });
  await assert.rejects(anonymous.getUser(), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.status, 401);
    assert.equal(error.code, "not_signed_in");
    assert.equal(error.message, "Sign in first.");
    assert.match(String(error.requestId), /^[0-9a-f]{32}$/);
    return true;
  });
});

test("who is signed in sees and changes the account", async () => {
  const session = await client.getSession();
  assert.equal(session.registered && session.user.name, "Ada Lovelace");
  assert.equal((await client.changeUser({ name: "Countess" })).name, "Countess");
  assert.equal((await client.getUser()).name, "Countess");
  await assert.rejects(client.changeUser({ name: "" }), refused(422, "invalid_field"));
  await assert.rejects(client.register(), refused(409, "already_registered"));
});

test("who has no account yet registers", async () => {
  const pending = createClient({ baseUrl, headers: { ...headers, Cookie: given("PENDING_COOKIE") } });
  const session = await pending.getSession();
  assert.deepEqual([session.authenticated, session.registered], [true, false]);
  await assert.rejects(pending.getUser(), refused(403, "not_registered"));
  assert.equal((await pending.register({ name: "Grace" })).name, "Grace");
});

test("sessions are listed and ended", async () => {
  const { sessions } = await client.listSessions();
  assert.deepEqual(sessions.map(({ current }) => current), [true]);
  assert.deepEqual(await client.endOtherSessions(), { revoked: 0 });
  const session_id = "0b9c1d1e-1c8f-4f57-9d43-3f0a3c1b2a10";
  await assert.rejects(client.endSession({ session_id }), refused(404, "session_not_found"));
});

test("an API token reads, until it is deleted", async () => {
  const { id, token } = await client.createToken({ name: "a script", expires_in_days: 1 });
  const script = createClient({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
  assert.equal((await script.getSession()).registered, true);
  await assert.rejects(script.deleteUser(), refused(403, "bearer_not_allowed"));
  assert.deepEqual((await client.listTokens()).tokens.map(({ name }) => name), ["a script"]);
  assert.equal(await client.deleteToken({ token_id: id }), undefined);
  await assert.rejects(script.getUser(), refused(401, "invalid_token"));
});

test("providers and identities are listed, and what is unknown is refused", async () => {
  const { providers } = await anonymous.listProviders();
  assert.ok(providers.every(({ name, login_url }) => login_url.endsWith(`/auth/login?provider=${name}`)));
  assert.deepEqual(await client.listIdentities(), { identities: [] });
  const identity_id = "0b9c1d1e-1c8f-4f57-9d43-3f0a3c1b2a10";
  await assert.rejects(client.removeIdentity({ identity_id }), refused(404, "identity_not_found"));
  await assert.rejects(client.linkIdentity({ provider: "nobody" }), refused(404, "provider_not_found"));
});

test("a token for another service is verified by a published key", async () => {
  const { access_token, expires_in } = await client.issueAccessToken();
  const { kid } = JSON.parse(Buffer.from(String(access_token.split(".")[0]), "base64url").toString());
  assert.ok((await anonymous.getKeySet()).keys.some((key) => key.kid === kid));
  assert.equal(expires_in, 300);
  await assert.rejects(client.issueAccessToken({ audience: "nobody" }), refused(422, "audience_not_allowed"));
});

test("the service's own state is a call, too", async () => {
  assert.deepEqual(await anonymous.getRoot(), { message: "Backend is live." });
  assert.equal((await anonymous.getHealth()).status, "ok");
  assert.equal((await anonymous.getReadiness()).checks.migrations, "ok");
  assert.equal((await anonymous.getDescription()).openapi, "3.1.0");
});

test("a sign-in link has the way back and the provider", async () => {
  assert.equal(createClient({ baseUrl: "https://api.example.com/" }).signInUrl(), "https://api.example.com/auth/login");
  const url = new URL(anonymous.signInUrl({ provider: "google", returnTo: "/inbox?page=2&all" }));
  assert.equal(url.pathname, "/auth/login");
  assert.deepEqual([...url.searchParams], [["return_to", "/inbox?page=2&all"], ["provider", "google"]]);
  const link = anonymous.signInUrl({ returnTo: "/inbox" });
  const answer = await fetch(link, { redirect: "manual", headers: { "Sec-Fetch-Dest": "document" } });
  // To the provider; or back to the frontend, where the provider does not answer.
  assert.ok([302, 303].includes(answer.status));
});

test("a call that comes too often is tried once more, after its Retry-After", async () => {
  const url = given("LIMITED_SERVICE");
  const impatient = createClient({ baseUrl: url, longestWait: 0 });
  await assert.rejects(
    async () => {
      for (;;) await impatient.getSession();
    },
    (error) => error instanceof ProblemError && error.code === "rate_limited" && error.retryAfter === 1,
  );
  assert.equal((await createClient({ baseUrl: url }).getSession()).authenticated, false);
});

test("a call is tried once more when the database was away", async () => {
  const brief = createClient({
    baseUrl: given("FAILING_SERVICE"),
    headers: { ...headers, Cookie: given("FAILING_COOKIE") },
  });
  assert.equal((await brief.getSession()).authenticated, true);
  const outage = given("OUTAGE");
  await writeFile(outage, "");
  while (existsSync(outage)) await setTimeout(10);
  assert.equal((await brief.getSession()).authenticated, true);
});

test("where the database stays away, the second refusal is told, and the first of what creates", async () => {
  const options = { baseUrl: given("BROKEN_SERVICE"), headers };
  await assert.rejects(createClient(options).getSession(), (error) => {
    assert.ok(refused(503, "database_unavailable")(error));
    assert.equal(error instanceof ProblemError && error.retryAfter, 2);
    return true;
  });
  await assert.rejects(createClient(options).createToken({ name: "a" }), refused(503, "database_unavailable"));
  const metrics = await (await fetch(`${options.baseUrl}/metrics`)).text();
  assert.match(metrics, /^http_requests_total\{method="POST",route="\/auth\/tokens",status="503"\} 1(\.0)?$/m);
  await assert.rejects(createClient({ ...options, longestWait: 1 }).getUser(), refused(503, "database_unavailable"));
});

test("an abort ends a call, also while it waits", async () => {
  const reason = new Error("gone");
  await assert.rejects(client.getUser(undefined, { signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const waiting = createClient({ baseUrl: given("BROKEN_SERVICE"), headers }).getUser(undefined, {
    signal: controller.signal,
  });
  setTimeout(500).then(() => controller.abort(reason));
  await assert.rejects(waiting, reason);
});

test("no answer is an UnreachableError", async () => {
  await assert.rejects(createClient({ baseUrl: given("NOBODY") }).getHealth(), UnreachableError);
});

test("signing out ends the session", async () => {
  assert.equal(await client.signOut(), undefined);
  await assert.rejects(client.getUser(), refused(401, "not_signed_in"));
});
