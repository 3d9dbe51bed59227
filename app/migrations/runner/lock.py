"""The lock that lets one runner work at a time. It is polled.

A runner blocked in pg_advisory_lock would hold a snapshot. A lock holder that builds an index concurrently
waits for all older snapshots, so both would wait for ever.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from app.commands.errors import CommandError, Exit
from app.migrations.runner.patience import Patience

HOLDER = """
    SELECT activity.pid, activity.application_name,
           extract(epoch FROM clock_timestamp() - coalesce(activity.xact_start, activity.backend_start))::int
    FROM pg_locks
    JOIN pg_stat_activity AS activity USING (pid)
    WHERE pg_locks.locktype = 'advisory' AND pg_locks.granted AND pg_locks.objsubid = 1
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (pg_locks.classid::bigint << 32) | pg_locks.objid::bigint = %s
"""
WAY_OUT = "Set MIGRATE_DATABASE_URL to the address of PostgreSQL itself; the service can keep DATABASE_URL."


@dataclass(frozen=True, slots=True)
class LockHolder:
    pid: int
    application: str
    seconds: int | None

    def __str__(self) -> str:
        age = "" if self.seconds is None else f", for {self.seconds} s"
        return f"pid {self.pid} ({self.application or 'unnamed'}{age})"


def lock_key(schema: str) -> int:
    """The 64-bit key of the lock for this application's migrations in a schema."""
    digest = hashlib.sha256(f"connected-backend migrations in {schema}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


@contextmanager
def locked_transaction(connection: psycopg.Connection[Any], key: int, patience: Patience) -> Iterator[None]:
    """A transaction that holds the lock. It works through a pooler, and its end always frees the lock.

    Raises:
        CommandError: TRY_AGAIN, as another runner kept the lock too long.
    """
    while True:
        with connection.transaction():
            if _is_true(connection, "SELECT pg_try_advisory_xact_lock(%s)", key):
                yield
                return
        patience.wait_for_runner(find_holder(connection, key))


@contextmanager
def locked_session(connection: psycopg.Connection[Any], key: int, patience: Patience) -> Iterator[None]:
    """Holds the lock outside a transaction, on a connection without a pooler in between. It may be nested.

    Raises:
        CommandError: TRY_AGAIN, as another runner kept the lock too long; CONFIGURATION, as the lock was
            lost meanwhile, which a pooler causes.
    """
    while not _is_true(connection, "SELECT pg_try_advisory_lock(%s)", key):
        patience.wait_for_runner(find_holder(connection, key))
    try:
        yield
    except BaseException:
        # What went wrong first is what is reported; the end of the connection frees the lock, too.
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock(%s)", (key,))
        raise
    if not _is_true(connection, "SELECT pg_advisory_unlock(%s)", key):
        raise CommandError(
            Exit.CONFIGURATION, "The lock was lost while it was held: a pooler is in between.", WAY_OUT
        )


def is_direct(connection: psycopg.Connection[Any]) -> bool:
    """Whether the connection leads to the server itself, and not through a pooler."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and bool(row[0] == connection.info.backend_pid)


def needs_direct(name: str) -> CommandError:
    """Why a file without transaction is not applied through a pooler."""
    return CommandError(
        Exit.CONFIGURATION,
        f"{name}.sql runs without a transaction, which needs a direct connection; this one goes through "
        "a pooler. Nothing was applied.",
        WAY_OUT,
        file=f"{name}.sql",
    )


def find_holder(connection: psycopg.Connection[Any], key: int) -> LockHolder | None:
    """Who holds the lock now, if anybody does."""
    row = connection.execute(HOLDER, (key,)).fetchone()
    return LockHolder(*row) if row else None


def _is_true(connection: psycopg.Connection[Any], query: str, key: int) -> bool:
    row = connection.execute(query, (key,)).fetchone()
    return bool(row and row[0])
