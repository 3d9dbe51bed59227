"""Applies pending migrations one after the other, each under the lock and together with its row.

The first runner keeps the lock until all files are applied. Behind a pooler only a transaction can hold it,
and it is free between two files: several runners may take turns.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

import psycopg

from app.commands.report import Report
from app.commands.schema import get_schema
from app.migrations.runner.apply import apply_in_transaction, apply_without_transaction
from app.migrations.runner.execute import TransactionEndedError
from app.migrations.runner.failures import needs_resolve, sql_error, transaction_ended
from app.migrations.runner.history import History, compare
from app.migrations.runner.ledger import Ledger, read_ledger
from app.migrations.runner.lock import (
    is_direct,
    lock_key,
    locked_session,
    locked_transaction,
    needs_direct,
)
from app.migrations.runner.patience import BUSY, Patience
from app.migrations.script.files import Migration
from app.migrations.script.script import Script, read_scripts


@dataclass(kw_only=True)
class Runner:
    """Brings one database up to date.

    Args:
        connection: autocommit; nobody else uses it.
        migrations: the files, in order.
        report: told what happens.
        wait: seconds to wait for other runners and for locked tables.
        applied_by: what each row records.
        sleep: waits for so many seconds.
        clock: monotonic seconds.
        read: reads files as statements, and refuses what they may not hold.
    """

    connection: psycopg.Connection[Any]
    migrations: list[Migration]
    report: Report
    wait: float
    applied_by: str
    sleep: Callable[[float], None] = sleep
    clock: Callable[[], float] = monotonic
    read: Callable[[list[Migration]], list[Script]] = read_scripts

    def up(self) -> None:
        """Applies what is pending. Where nothing is, this is one query without a lock.

        Raises:
            CommandError: with the exit code of what went wrong.
        """
        self.report.say("checking", "🔍 Checking for pending migrations...")
        history = compare(self.migrations, read_ledger(self.connection))
        history.require_fit()
        report_oddities(history, self.report)
        done: list[Migration] = []
        if history.pending:
            history.require_unedited()
            done = self._apply_all(history.pending)
        elif history.edited:
            self.report.say("edited", *history.edit_sentences(), level=logging.WARNING)
        if done:
            lines = [f"   - {migration.name}" for migration in done]
            self.report.say("applied", f"✅ Applied {len(done)} migration(s):", *lines)
        else:
            self.report.say("up_to_date", "✅ Database is up to date - no pending migrations")
        self.report.say("completed", "✅ Migration check completed successfully")

    def _apply_all(self, pending: list[Migration]) -> list[Migration]:
        self._scripts = {script.migration.version: script for script in self.read(pending)}
        alone = next((migration for migration in pending if not migration.in_transaction), None)
        through_pooler = not is_direct(self.connection)
        if alone and through_pooler:
            raise needs_direct(alone.name)
        schema = get_schema(self.connection)
        self._key = lock_key(schema)
        self._ledger = Ledger(self.connection, schema=schema, applied_by=self.applied_by)
        self._patience = Patience(self.wait, self.report, self.sleep, self.clock)
        if through_pooler:
            return self._apply_each(pending)
        with locked_session(self.connection, self._key, self._patience):
            return self._apply_each(pending)

    def _apply_each(self, pending: list[Migration]) -> list[Migration]:
        done: list[Migration] = []
        while pending:
            try:
                applied, pending = self._apply_first(pending[0])
            except BUSY as error:
                if self.connection.closed:
                    raise
                self._patience.back_off(error, file=pending[0].file)
                continue
            if applied:
                done.append(applied)
                self._patience.begin()
        return done

    def _apply_first(self, expected: Migration) -> tuple[Migration | None, list[Migration]]:
        """Applies the first pending file; returns it, and what is pending then.

        Where another runner has applied the expected file meanwhile, nothing is applied and None returned.
        """
        locked = locked_transaction if expected.in_transaction else locked_session
        migration = None
        try:
            with locked(self.connection, self._key, self._patience):
                self._ledger.create()
                history = compare(self.migrations, self._ledger.read())
                history.require_fit()
                pending = history.pending
                if pending[:1] != [expected]:
                    return None, pending
                migration = pending[0]
                waited_ms = self._patience.waited_ms()
                ms = self._apply(migration, history)
        except TransactionEndedError as ended:
            if ended.tag != "ROLLBACK":
                self._record_started(expected)
            raise transaction_ended(expected, ended.line, ended.tag) from ended
        except psycopg.Error as error:
            if migration is None or self.connection.closed or isinstance(error, BUSY):
                raise
            raise sql_error(migration, None, error) from error
        self.report.say(
            "migration",
            f"Applied {migration.name} in {ms} ms",
            fields={
                "version": migration.version,
                "ms": ms,
                "lock_wait_ms": waited_ms,
                "file": migration.file,
            },
        )
        return migration, pending[1:]

    def _record_started(self, migration: Migration) -> None:
        with locked_transaction(self.connection, self._key, self._patience):
            self._ledger.create()
            self._ledger.write(migration, "started")

    def _apply(self, migration: Migration, history: History) -> int:
        script = self._scripts.get(migration.version) or self.read([migration])[0]
        row = history.begun.get(migration.version)
        if not migration.in_transaction:
            return apply_without_transaction(
                self.connection, script, self._ledger, row=row, report=self.report
            )
        if row and row.status == "started":
            raise needs_resolve(migration)
        return apply_in_transaction(self.connection, script, self._ledger)


def report_oddities(history: History, report: Report) -> None:
    """Reports what is unusual about a history, but no reason to stop."""
    if history.ahead:
        report.say(
            "database_ahead",
            f"The database is ahead of this version by {', '.join(history.ahead)}; going on.",
            level=logging.WARNING,
        )
    if history.resaved:
        report.say(
            "resaved",
            f"Line endings or byte order mark changed since, the text did not: {', '.join(history.resaved)}",
        )
