"""Commands as processes on the test's database, and people and sessions to work on."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.support.service import ROOT, clean_environ

Connection = psycopg.Connection[Any]


@dataclass
class Outcome:
    """What a command said."""

    code: int
    stdout: str
    stderr: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """stdout's lines, each of which must be a JSON object."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Run(Protocol):
    def __call__(self, command: str, *arguments: str, **environ: str) -> Outcome: ...


def run_command(command: str, *arguments: str, cwd: str = "/", **environ: str) -> Outcome:
    """Runs a command of bin/ with nothing to read, from a folder that is not ours."""
    done = subprocess.run(
        [ROOT / "bin" / command, *arguments],
        env=clean_environ(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(database_url: str) -> Run:
    def start(command: str, *arguments: str, **environ: str) -> Outcome:
        return run_command(command, *arguments, **{"DATABASE_URL": database_url, **environ})

    return start


class People:
    """Puts users and sessions into the database; times are PostgreSQL intervals from now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sessions = 0

    def user(self, email: str, name: str | None = None) -> UUID:
        return self._id("INSERT INTO users (email, name) VALUES (%s, %s) RETURNING id", (email, name))

    def token(self, user_id: UUID) -> UUID:
        return self._id(
            "INSERT INTO api_tokens (user_id, slot, name, token_hash) VALUES (%s, 1, 'ci', %s) RETURNING id",
            (user_id, user_id.bytes),
        )

    def session(
        self,
        user_id: UUID | None,
        *,
        seen: str = "0",
        idles: str = "7 days",
        expires: str = "30 days",
        revoked: str | None = None,
        user_agent: str | None = None,
    ) -> UUID:
        """A session of a user, or of somebody not registered."""
        self._sessions += 1
        return self._id(
            """
            INSERT INTO sessions (token_hash, user_id, pending_identity, created_at, last_seen_at,
                                  idle_expires_at, expires_at, revoked_at, ip, user_agent)
            VALUES (%s, %s, %s, now() + %s::interval - interval '30 days', now() + %s::interval,
                    now() + %s::interval, now() + %s::interval, now() + %s::interval, '2001:db8::7', %s)
            RETURNING id
            """,
            (
                self._sessions.to_bytes(32, "big"),
                user_id,
                None if user_id else "{}",
                expires,
                seen,
                idles,
                expires,
                revoked,
                user_agent,
            ),
        )

    def many_sessions(self, count: int, *, expires: str) -> None:
        """Pending ones, a microsecond apart."""
        self._connection.execute(
            """
            INSERT INTO sessions (token_hash, pending_identity, idle_expires_at, expires_at)
            SELECT sha256(n::text::bytea), '{}', moment, moment
            FROM generate_series(1, %s) AS n,
                 LATERAL (SELECT now() + %s::interval + n * interval '1 us') AS expiry (moment)
            """,
            (count, expires),
        )

    def count(self, condition: LiteralString = "true") -> int:
        return len(self.ids(condition))

    def ids(self, condition: LiteralString = "true") -> set[UUID]:
        query = sql.SQL("SELECT id FROM sessions WHERE {}").format(sql.SQL(condition))
        return {row[0] for row in self._connection.execute(query)}

    def _id(self, query: LiteralString, parameters: tuple[object, ...]) -> UUID:
        row = self._connection.execute(query, parameters).fetchone()
        assert row
        new_id: UUID = row[0]
        return new_id


@pytest.fixture
def people(connection: Connection) -> People:
    return People(connection)
