"""Migrated databases, and as many sessions in them as you want; PostgreSQL makes the rows by itself."""

import random
import sys

import psycopg
from psycopg import sql

from app.accounts.credentials import Keyring
from app.commands.report import TextReport
from app.migrations.command import migrate

TOKEN_LENGTH = 43
BLOCK = 64
"""The block size of SHA-256 in bytes, to which HMAC pads its key (RFC 2104)."""
SESSIONS_A_USER = 5
CHUNK = 500_000
"""Sessions that one statement inserts."""

USERS = """
    INSERT INTO users (id, email, name)
    SELECT md5('user ' || n)::uuid, n || '@example.com', 'Person ' || n
    FROM generate_series(1, {users}) AS n
"""
# Sessions are inserted in the order in which they began, as in real life. The first ones have expired, all of
# them more than a month ago.
SESSIONS = """
    INSERT INTO sessions
        (token_hash, user_id, created_at, last_seen_at, idle_expires_at, expires_at, ip, user_agent)
    SELECT sha256({outer} || sha256({inner} || lpad(n::text, {length}, '0')::bytea)),
           md5('user ' || (1 + n % {users}))::uuid, began, now(),
           CASE WHEN n <= {expired} THEN began ELSE now() END + interval '7 days', began + interval '30 days',
           '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
    FROM generate_series({first}::bigint, {last}::bigint) AS n,
         LATERAL (
             SELECT now() + CASE
                 WHEN n <= {expired} THEN interval '-90 days' + n * interval '29 days' / {expired}
                 ELSE interval '-23 days' + (n - {expired}) * interval '22 days' / {live}
             END
         ) AS moment (began)
"""

INDEXES = """
    SELECT format('ALTER TABLE sessions DROP CONSTRAINT %I', conname),
           format('ALTER TABLE sessions ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE conrelid = 'sessions'::regclass AND contype IN ('p', 'u')
    UNION ALL
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE indrelid = 'sessions'::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
"""For each index of the table, the statement that drops it and the one that makes it again."""


def migrate_quietly(url: str) -> None:
    """Applies all migrations and reports them on standard error."""
    migrate(url, report=TextReport(sys.stderr), wait=30)


def fill(url: str, *, sessions: int, expired: int, secret: str) -> None:
    """Adds users and their sessions.

    Args:
        url: of a migrated database.
        sessions: how many to add.
        expired: how many of them, the first ones, have expired.
        secret: the SESSION_SECRET that the hashes of tokens are made with; at most 64 characters.
    """
    key = secret.encode().ljust(BLOCK, b"\0")
    users = max(1, sessions // SESSIONS_A_USER)
    with psycopg.connect(url, autocommit=True) as connection:
        # All users exist. Checking the foreign key of each row would take half of the time.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(sql.SQL(USERS).format(users=users))
        indexes = connection.execute(INDEXES).fetchall()
        for drop, _ in indexes:
            connection.execute(drop)
        for first in range(1, sessions + 1, CHUNK):
            last = min(first + CHUNK - 1, sessions)
            connection.execute(
                sql.SQL(SESSIONS).format(
                    users=users,
                    first=first,
                    last=last,
                    expired=max(1, expired),
                    live=max(1, sessions - expired),
                    outer=sql.Literal(bytes(byte ^ 0x5C for byte in key)),
                    inner=sql.Literal(bytes(byte ^ 0x36 for byte in key)),
                    length=TOKEN_LENGTH,
                )
            )
            print(f"{last:,} of {sessions:,} sessions", file=sys.stderr, flush=True)
        for _, create in indexes:
            connection.execute(create)
        connection.execute("VACUUM (ANALYZE) users, sessions")
        connection.execute("CHECKPOINT")


def live_tokens(*, sessions: int, expired: int, count: int) -> list[str]:
    """The tokens of some live sessions, chosen at random."""
    chooser = random.Random(sessions)  # noqa: S311  # which sessions are measured is no secret
    return [str(chooser.randint(expired + 1, sessions)).rjust(TOKEN_LENGTH, "0") for _ in range(count)]


def live_hashes(*, sessions: int, expired: int, count: int, secret: str) -> list[bytes]:
    """The hashes of those tokens, as the table holds them."""
    keyring = Keyring(secret)
    return [keyring.token_hash(t) for t in live_tokens(sessions=sessions, expired=expired, count=count)]
