// Compiled, not run: what the types promise.
import { createClient, ProblemError, type ProblemCode } from "../src/index.js";

const client = createClient({ baseUrl: "https://api.example.com" });

export async function theSessionTellsWhoIsRegistered(): Promise<string> {
  const session = await client.getSession();
  if (!session.authenticated) return "nobody";
  // @ts-expect-error who is signed in may have no account yet
  session.user.id.toUpperCase();
  return session.registered ? session.user.id.toUpperCase() : session.user.email;
}

export async function inputsAreChecked(): Promise<void> {
  await client.endSession({ session_id: "0b9c1d1e-1c8f-4f57-9d43-3f0a3c1b2a10" });
  await client.register();
  await client.register({ name: "Ada" });
  await client.changeUser({ picture: null });
  await client.linkIdentity({ provider: "github", return_to: "/settings" });
  await client.issueAccessToken({ audience: "reports" });
  // @ts-expect-error which one?
  await client.endSession();
  // @ts-expect-error it has a name
  await client.createToken();
  // @ts-expect-error no such field
  await client.changeUser({ nick: "Ada" });
  // @ts-expect-error no such call
  await client.beginSignIn();
}

export async function answersHaveTheirShapes(): Promise<string> {
  const nothing: void = await client.deleteUser();
  const { token } = await client.createToken({ name: "a script", expires_in_days: 7 });
  const { authorization_url } = await client.linkIdentity({ provider: "github" });
  const { sessions } = await client.listSessions(undefined, { signal: AbortSignal.timeout(1000) });
  return [token, authorization_url, ...sessions.map((session) => session.created_at), nothing].join();
}

export function codesAreThoseOfTheDescription(error: unknown): ProblemCode | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  // @ts-expect-error a code that no call is refused with
  if (error.code === "no_such_code") return undefined;
  return error.code === "not_signed_in" || error.code === "database_unavailable" ? error.code : undefined;
}

export const links: string[] = [client.signInUrl(), client.signInUrl({ provider: "google", returnTo: "/inbox" })];
