"""Opens the service's database for one command, and explains what the server refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from app.commands.connect import connect
from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.commands.schema import get_schema
from app.housekeeping.queries import HousekeepingQueries

DATABASE_WAIT = 5.0
"""Seconds to wait for a database that is still starting."""


@contextmanager
def open_queries(url: str, *, command: str, report: Report) -> Iterator[HousekeepingQueries]:
    """The queries, on a connection of their own.

    Args:
        url: libpq's; it may lead through a pooler.
        command: what pg_stat_activity shows.
        report: told while it waits for the database.

    Raises:
        CommandError: the database is away, or refuses.
    """
    with connect(url, wait=DATABASE_WAIT, report=report, application_name=command) as connection:
        try:
            yield HousekeepingQueries(connection)
        except psycopg.Error as error:
            if isinstance(error, errors.UndefinedTable):
                # Where search_path names no schema, no table is found.
                get_schema(connection)
            raise _explained(error, is_lost=connection.closed) from error


def _explained(error: psycopg.Error, *, is_lost: bool) -> CommandError:
    reason = error.diag.message_primary or str(error).partition("\n")[0]
    if is_lost:
        return CommandError(
            Exit.UNAVAILABLE, f"The database went away: {reason}", "What was reported is done. Run it again."
        )
    match error:
        case errors.UndefinedTable() | errors.UndefinedColumn():
            return CommandError(
                Exit.PENDING, f"The database lacks tables of this version: {reason}", "Run bin/migrate first."
            )
        case errors.QueryCanceled():
            return CommandError(
                Exit.TRY_AGAIN,
                f"The database cut it off: {reason}",
                "Run it again, or ask for less at once: --user, or a smaller --batch.",
            )
        case errors.DeadlockDetected() | errors.LockNotAvailable():
            return CommandError(Exit.TRY_AGAIN, f"The database is busy: {reason}", "Run it again.")
        case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
            return CommandError(
                Exit.CONFIGURATION,
                f"The database refuses: {reason}",
                "Check the user and the host in DATABASE_URL, or DB_USER and DB_HOST.",
            )
    return CommandError(Exit.SQL_ERROR, f"The database says: {reason} (SQLSTATE {error.sqlstate or 'none'})")
