"""Runs one file: in a transaction together with its row, or without one, between two writes of its row."""

import logging
import time
from typing import Any

import psycopg

from app.commands.errors import CommandError, Exit, TerminatedError
from app.commands.report import Report
from app.migrations.runner.execute import execute, execute_in_transaction
from app.migrations.runner.failures import needs_resolve, sql_error
from app.migrations.runner.indexes import drop_index, find_index
from app.migrations.runner.ledger import Ledger, Row
from app.migrations.runner.patience import BUSY
from app.migrations.runner.server_settings import (
    CONCURRENT,
    ORDINARY,
    reset,
    set_for_session,
    set_for_transaction,
)
from app.migrations.script.rules import may_be_repeated_after_error, runs_concurrently
from app.migrations.script.script import Script

_REBUILT = "The next run of bin/migrate removes what is left of the index and builds it again."
_REPEATED = "Mend it and run bin/migrate again: the statement then runs again."
_NAME_TAKEN = (
    "An index of that name was there before this file. Drop or rename it, then run bin/migrate again."
)
_UNKNOWN = (
    "What the statement committed before it failed stays. See how far it came, then: bin/migrate resolve"
)


def apply_in_transaction(connection: psycopg.Connection[Any], script: Script, ledger: Ledger) -> int:
    """Runs a file in the caller's transaction; returns how many milliseconds it took.

    Raises:
        CommandError: SQL_ERROR; INVALID where the file was edited meanwhile, or changes how it is read.
        TransactionEndedError: a statement ended the transaction.
        psycopg.Error: one of BUSY, or a lost connection.
    """
    set_for_transaction(connection, ORDINARY)
    began = time.monotonic()
    for statement in script.statements():
        try:
            execute_in_transaction(connection, script.migration, statement)
        except psycopg.Error as error:
            if connection.closed or isinstance(error, BUSY):
                raise
            raise sql_error(script.migration, statement, error) from error
    reset(connection)
    ms = _milliseconds_since(began)
    ledger.write(script.migration, "applied", duration_ms=ms)
    return ms


def apply_without_transaction(
    connection: psycopg.Connection[Any], script: Script, ledger: Ledger, *, row: Row | None, report: Report
) -> int:
    """Runs a file's one statement on an autocommit connection, under the caller's lock; returns milliseconds.

    Args:
        connection: autocommit, without a pooler in between.
        script: what to run.
        ledger: gets a row `started` before, and `applied` after.
        row: an earlier attempt's, if there was one.
        report: told about an earlier attempt, and about an interruption.

    Raises:
        CommandError: SQL_ERROR; NEEDS_RESOLVE where an earlier attempt was interrupted, and the database
            does not show how far it came.
        psycopg.Error: one of BUSY, or a lost connection.
    """
    if row and row.status == "started" and script.index is None:
        raise needs_resolve(script.migration)
    statement = script.only_statement()
    if row and _finish_index(connection, script, row, report):
        ledger.write(script.migration, "applied", duration_ms=0)
        return 0
    ledger.write(script.migration, "started")
    began = time.monotonic()
    set_for_session(connection, CONCURRENT if runs_concurrently(statement) else ORDINARY)
    try:
        execute(connection, statement)
    except psycopg.Error as error:
        if connection.closed:
            raise
        is_repeatable = may_be_repeated_after_error(statement)
        outcome = _settle(connection, script, ledger, error, is_repeatable=is_repeatable)
        if isinstance(error, BUSY) and is_repeatable:
            raise
        raise sql_error(script.migration, statement, error, outcome=outcome) from error
    except TerminatedError:
        report.say("interrupted", f"{script.migration.name} was interrupted.", level=logging.WARNING)
        raise
    reset(connection)
    _require_valid(connection, script)
    ms = _milliseconds_since(began)
    ledger.write(script.migration, "applied", duration_ms=ms)
    return ms


def _finish_index(connection: psycopg.Connection[Any], script: Script, row: Row, report: Report) -> bool:
    """Whether an earlier attempt finished the index; an unfinished one is dropped."""
    found = find_index(connection, script.index) if script.index else None
    if found is None:
        return False
    if found.is_valid:
        if row.status == "started":
            report.say(
                "index_adopted",
                f"{script.migration.name} was interrupted; its index {found.name} is there and valid.",
                level=logging.WARNING,
            )
        return row.status == "started"
    report.say(
        "index_dropped",
        f"{script.migration.name}: an earlier attempt left index {found.name} not valid; building it again.",
        level=logging.WARNING,
    )
    set_for_session(connection, CONCURRENT)
    drop_index(connection, found)
    return False


def _settle(
    connection: psycopg.Connection[Any],
    script: Script,
    ledger: Ledger,
    error: psycopg.Error,
    *,
    is_repeatable: bool,
) -> str:
    """Cleans up after a failed statement; returns the sentence that says what the next run will do.

    What fails here is told beside the statement's own error, which must not be lost.
    """
    try:
        reset(connection)
        return _note_failure(script, ledger, error, is_repeatable=is_repeatable)
    except psycopg.Error as later:
        reason = later.diag.message_primary or str(later).partition("\n")[0]
        return f"{_UNKNOWN} {script.migration.name} --retry, or --applied (the ledger failed, too: {reason})"


def _note_failure(script: Script, ledger: Ledger, error: psycopg.Error, *, is_repeatable: bool) -> str:
    """Sets the row for the next run; returns the sentence that says what that run will do."""
    if script.index and isinstance(error, psycopg.errors.DuplicateTable):
        ledger.remove(script.migration)
        return _NAME_TAKEN
    if not is_repeatable:
        return f"{_UNKNOWN} {script.migration.name} --retry, or --applied"
    ledger.write(script.migration, "retry")
    return _REBUILT if script.index else _REPEATED


def _require_valid(connection: psycopg.Connection[Any], script: Script) -> None:
    if script.index is None:
        return
    found = find_index(connection, script.index)
    if found is None or not found.is_valid:
        raise CommandError(
            Exit.SQL_ERROR,
            f"{script.migration.file}: the index {script.index.name} is not valid after it was built.",
            _REBUILT,
            version=script.migration.version,
            file=script.migration.file,
        )


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
