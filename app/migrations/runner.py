"""Applies pending migrations, each in a transaction of its own with its row in the ledger."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app.migrations.errors import Exit, MigrationError
from app.migrations.files import Migration
from app.migrations.ledger import AppliedMigration, create_ledger, pending, read_ledger, record
from app.migrations.lock import find_holder, lock_key, try_lock
from app.migrations.report import Report

LOCK_TIMEOUT = "2s"
"""How long a statement may queue for a table, and make everybody behind it queue too."""
ORPHAN_CHECK_INTERVAL = "2s"
"""How soon the server notices that a runner killed with -9 is gone."""
FIRST_BACKOFF = 1.0
LAST_BACKOFF = 30.0
SAY_WAITING_EVERY = 10.0
RETRIED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class _LockRefusedError(Exception):
    """Another runner holds the lock."""


@dataclass(kw_only=True)
class Runner:
    """Brings one database up to date.

    Args:
        connection: autocommit, for this runner alone.
        migrations: the files, in order.
        report: told what happens.
        wait: seconds to wait for other runners and for locked tables.
        applied_by: recorded with each applied file.
    """

    connection: psycopg.Connection[Any]
    migrations: list[Migration]
    report: Report
    wait: float
    applied_by: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _said_waiting_at: float = field(default=float("-inf"), init=False)

    def up(self) -> None:
        """Applies what is pending. Without anything pending: one query, no lock.

        Raises:
            MigrationError: with the exit code of what went wrong.
        """
        self.report.say("checking", "🔍 Checking for pending migrations...")
        applied = read_ledger(self.connection)
        self._warn_if_ahead(applied)
        done: list[Migration] = []
        if pending(self.migrations, applied):
            done = self._apply_all()
        if done:
            lines = [f"   - {migration.name}" for migration in done]
            self.report.say("applied", f"✅ Applied {len(done)} migration(s):", *lines)
        else:
            self.report.say("up_to_date", "✅ Database is up to date - no pending migrations")
        self.report.say("completed", "✅ Migration check completed successfully")

    def _apply_all(self) -> list[Migration]:
        row = self.connection.execute("SELECT current_schema()").fetchone()
        key = lock_key(str(row[0]) if row else "")
        deadline = self.clock() + self.wait
        backoff = FIRST_BACKOFF
        done: list[Migration] = []
        while True:
            try:
                migration = self._apply_next(key)
            except _LockRefusedError:
                self._wait_for_holder(key, deadline)
            except RETRIED as error:
                self._back_off(error, backoff, deadline)
                backoff = min(backoff * 2, LAST_BACKOFF)
            else:
                if migration is None:
                    return done
                done.append(migration)
                backoff = FIRST_BACKOFF

    def _apply_next(self, key: int) -> Migration | None:
        """Applies the first pending file, if there still is one: file and row, or neither."""
        with self.connection.transaction():
            if not try_lock(self.connection, key):
                raise _LockRefusedError
            create_ledger(self.connection)
            remaining = pending(self.migrations, read_ledger(self.connection))
            if not remaining:
                return None
            self.connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            self.connection.execute(f"SET LOCAL client_connection_check_interval = '{ORPHAN_CHECK_INTERVAL}'")
            began = self.clock()
            self._execute(remaining[0])
            ms = round((self.clock() - began) * 1000)
            record(self.connection, remaining[0], applied_by=self.applied_by, duration_ms=ms)
        migration = remaining[0]
        self.report.say(
            "migration",
            f"Applied {migration.name} in {ms} ms",
            fields={"version": migration.version, "ms": ms},
        )
        return migration

    def _execute(self, migration: Migration) -> None:
        try:
            self.connection.execute(migration.sql.encode())
        except RETRIED:
            raise
        except psycopg.Error as error:
            if self.connection.broken:
                raise
            raise _sql_error(migration, error) from error

    def _wait_for_holder(self, key: int, deadline: float) -> None:
        holder = find_holder(self.connection, key)
        if self.clock() >= deadline:
            raise MigrationError(
                Exit.TRY_AGAIN,
                f"Another runner is still at work: {holder or 'unknown'}. Try again later, or wait longer.",
            )
        if self.clock() - self._said_waiting_at >= SAY_WAITING_EVERY:
            self._said_waiting_at = self.clock()
            self.report.say("waiting_for_lock", f"Waiting for another runner: {holder or 'just finished'}")
        self.sleep(random.uniform(0.2, 2.0))  # noqa: S311  # jitter, no secret

    def _back_off(self, error: psycopg.Error, backoff: float, deadline: float) -> None:
        reason = error.diag.message_primary
        if self.clock() + backoff > deadline:
            raise MigrationError(
                Exit.TRY_AGAIN,
                f"A table is in use by others: {reason}. Nothing was changed; try again when they are done.",
                sqlstate=error.sqlstate,
            ) from error
        self.report.say(
            "retrying",
            f"A table is in use by others ({reason}); trying again in {backoff:.0f} s",
            level=logging.WARNING,
            fields={"sqlstate": error.sqlstate},
        )
        self.sleep(backoff)

    def _warn_if_ahead(self, applied: list[AppliedMigration]) -> None:
        newest = max((migration.version for migration in self.migrations), default=0)
        if ahead := [row.name for row in applied if row.version > newest]:
            self.report.say(
                "database_ahead",
                f"The database is ahead of this version by {', '.join(ahead)}; going on.",
                level=logging.WARNING,
            )


def _sql_error(migration: Migration, error: psycopg.Error) -> MigrationError:
    """SQL error with file and line, SQLSTATE, the server's message and hint."""
    position = int(error.diag.statement_position or 0)
    line = migration.sql.count("\n", 0, max(position - 1, 0)) + 1 if position else None
    place = f"{migration.name}.sql" + (f":{line}" if line else "")
    message = error.diag.message_primary or str(error).partition("\n")[0]
    sentences = [f"{place}: {message} (SQLSTATE {error.sqlstate or 'none'})"]
    sentences += [
        f"  {label}: {text}"
        for label, text in (("Detail", error.diag.message_detail), ("Hint", error.diag.message_hint))
        if text
    ]
    sentences.append("Nothing of this file was applied. Mend it and run bin/migrate again.")
    return MigrationError(
        Exit.SQL_ERROR, *sentences, file=f"{migration.name}.sql", line=line, sqlstate=error.sqlstate
    )
