import { createClient, ProblemError, type Session, UnreachableError } from "connected-backend-client";
import { useEffect, useState } from "react";

const client = createClient({ baseUrl: import.meta.env.VITE_API_URL ?? "http://localhost:3000" });

type Device = Awaited<ReturnType<typeof client.listSessions>>["sessions"][number];

export function App() {
  const [session, setSession] = useState<Session>();
  const [devices, setDevices] = useState<Device[]>();
  const [error, setError] = useState<unknown>();

  function attempt(action: () => Promise<void>) {
    setError(undefined);
    action().catch(setError);
  }

  function load() {
    attempt(async () => setSession(await client.getSession()));
  }

  useEffect(load, []);

  if (error) return <Failure error={error} onRetry={load} />;
  if (!session) return <p>One moment …</p>;
  if (!session.authenticated) return <SignIn />;
  return (
    <main>
      <h1>Hello, {session.user.name ?? session.user.email}!</h1>
      <button onClick={() => attempt(async () => setDevices((await client.listSessions()).sessions))}>
        Where am I signed in?
      </button>
      <ul>
        {devices?.map((device) => (
          <li key={device.id}>
            {device.user_agent} {device.current && "(here)"}
          </li>
        ))}
      </ul>
      <button
        onClick={() =>
          attempt(async () => {
            await client.signOut();
            setSession(await client.getSession());
          })
        }
      >
        Sign out
      </button>
    </main>
  );
}

function SignIn() {
  return <a href={client.signInUrl({ returnTo: location.pathname })}>Sign in</a>;
}

function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  if (error instanceof ProblemError && error.status === 401) {
    return (
      <p>
        Your session has ended. <SignIn />
      </p>
    );
  }
  const isAway = error instanceof UnreachableError || (error instanceof ProblemError && error.status === 503);
  return (
    <p>
      {isAway ? "The service is away for the moment." : String(error)}
      <button onClick={onRetry}>Try again</button>
    </p>
  );
}
