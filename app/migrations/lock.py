"""The lock that lets one runner work at a time: polled, never waited for inside PostgreSQL.

A runner blocked in pg_advisory_lock would hold a snapshot, for which the lock's holder waits forever when it
builds an index concurrently.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import psycopg

HOLDER = """
    SELECT activity.pid, activity.application_name,
           extract(epoch FROM clock_timestamp() - activity.xact_start)::int
    FROM pg_locks
    JOIN pg_stat_activity AS activity USING (pid)
    WHERE pg_locks.locktype = 'advisory' AND pg_locks.granted AND pg_locks.objsubid = 1
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (pg_locks.classid::bigint << 32) | pg_locks.objid::bigint = %s
"""


@dataclass(frozen=True, slots=True)
class LockHolder:
    pid: int
    application: str
    seconds: int | None

    def __str__(self) -> str:
        age = "" if self.seconds is None else f", for {self.seconds} s"
        return f"pid {self.pid} ({self.application or 'unnamed'}{age})"


def lock_key(schema: str) -> int:
    """The 64-bit key of this application's migrations in a schema."""
    digest = hashlib.sha256(f"connected-backend migrations in {schema}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def try_lock(connection: psycopg.Connection[Any], key: int) -> bool:
    """Takes the lock until the transaction ends, or returns False at once."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,)).fetchone()
    return bool(row and row[0])


def find_holder(connection: psycopg.Connection[Any], key: int) -> LockHolder | None:
    row = connection.execute(HOLDER, (key,)).fetchone()
    return LockHolder(*row) if row else None
