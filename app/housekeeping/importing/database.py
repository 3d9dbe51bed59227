"""People from another PostgreSQL database, which is only read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql

from app.commands.connect import connect
from app.commands.errors import MigrationError
from app.commands.report import Report
from app.housekeeping.database import DATABASE_WAIT
from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.importing.rows import Columns, SourceRow

AT_ONCE = 1000
"""Rows fetched in one round trip."""


@contextmanager
def database_rows(
    url: str, columns: Columns, *, table: str, query: str | None, report: Report
) -> Iterator[Iterator[SourceRow]]:
    """The rows of a table or query, the oldest first.

    Args:
        url: libpq's.
        columns: of the table or query.
        table: with its schema, if need be.
        query: instead of the table.
        report: told when the database is waited for.

    Raises:
        HousekeepingError: here or from the iterator.
    """
    try:
        connection = connect(url, wait=DATABASE_WAIT, report=report, application_name="bin/users import")
    except MigrationError as error:
        reason = error.sentences[0].replace("DATABASE_URL: ", "")
        raise HousekeepingError(Exit(error.exit_code), f"--from: {reason}") from error
    with connection:
        connection.autocommit = False
        connection.read_only = True
        yield _rows(connection, _statement(columns, table, query))


def _rows(connection: psycopg.Connection[Any], statement: sql.Composed) -> Iterator[SourceRow]:
    try:
        with connection.cursor(name="users_import") as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(statement)
            for number, values in enumerate(cursor, 1):
                yield SourceRow(number, *values)
    except psycopg.Error as error:
        raise _explained(error, is_lost=connection.closed) from error


def _statement(columns: Columns, table: str, query: str | None) -> sql.Composed:
    fields = [
        sql.SQL("{}::text").format(sql.Identifier(name)) if name else sql.SQL("NULL::text")
        for name in columns.names()
    ]
    if query:
        # The operator's own statement, on a database that this transaction cannot write to.
        source = sql.SQL("({}\n)").format(sql.SQL(query.strip().rstrip(";")))
    else:
        source = sql.SQL("{}").format(sql.Identifier(*table.split(".")))
    oldest_first = sql.SQL(", ").join(
        sql.Identifier(name) for name in (columns.created_at, columns.id, columns.email) if name
    )
    return sql.SQL("SELECT {} FROM {} AS source ORDER BY {}").format(
        sql.SQL(", ").join(fields), source, oldest_first
    )


def _explained(error: psycopg.Error, *, is_lost: bool) -> HousekeepingError:
    reason = error.diag.message_primary or str(error).partition("\n")[0]
    if is_lost:
        return HousekeepingError(
            Exit.UNAVAILABLE,
            f"--from: the database went away: {reason}",
            "Run it again.",
        )
    match error:
        case errors.InsufficientPrivilege():
            return HousekeepingError(Exit.CONFIGURATION, f"--from: the database refuses: {reason}")
        case errors.SyntaxErrorOrAccessRuleViolation() | errors.ProgrammingError():
            return HousekeepingError(
                Exit.USAGE,
                f"--from: {reason}",
                "Name table and columns with --table, --subject-column and its like; --help lists them.",
            )
    return HousekeepingError(
        Exit.SQL_ERROR, f"--from: the database says: {reason} (SQLSTATE {error.sqlstate or 'none'})"
    )
