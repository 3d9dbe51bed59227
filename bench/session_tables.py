"""Databases with as many sessions as wanted, made inside PostgreSQL."""

import hashlib
import random

import psycopg
from psycopg import sql

SESSIONS_A_USER = 5
CHUNK = 500_000

USERS = """
    INSERT INTO users (id, email, name)
    SELECT md5('user ' || n)::uuid, n || '@example.com', 'Person ' || n
    FROM generate_series(1, {users}) AS n
"""
# In the order in which they began, as they come in real life; the first ones expired over a month ago.
SESSIONS = """
    INSERT INTO sessions
        (token_hash, user_id, created_at, last_seen_at, idle_expires_at, expires_at, ip, user_agent)
    SELECT sha256(n::text::bytea), md5('user ' || (1 + n % {users}))::uuid, began, now(),
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
"""For each index of the table, what drops it and what makes it again."""


def fill(url: str, *, sessions: int, expired: int) -> None:
    """Adds users and their sessions, of which the first ones have expired over a month ago."""
    users = max(1, sessions // SESSIONS_A_USER)
    with psycopg.connect(url, autocommit=True) as connection:
        # Both belong to users that are there; checking that for each row would take half the time.
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
                )
            )
            print(f"{last:,} of {sessions:,} sessions", flush=True)
        for _, create in indexes:
            connection.execute(create)
        connection.execute("VACUUM (ANALYZE) users, sessions")
        connection.execute("CHECKPOINT")


def live_hashes(*, sessions: int, expired: int, count: int) -> list[bytes]:
    """Token hashes of that many live sessions, at random."""
    chooser = random.Random(sessions)  # noqa: S311  # which sessions are measured is no secret
    return [
        hashlib.sha256(str(chooser.randint(expired + 1, sessions)).encode()).digest() for _ in range(count)
    ]
