"""The service's database, for the time of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.queries import HousekeepingQueries
from app.migrations.connect import connect
from app.migrations.errors import MigrationError
from app.migrations.report import Report

DATABASE_WAIT = 5.0
"""Seconds to wait for a database that is only about to start."""


@contextmanager
def opened(url: str, *, command: str, report: Report) -> Iterator[HousekeepingQueries]:
    """The queries on a connection of their own.

    Args:
        url: libpq's; it may lead through a pooler.
        command: shown to others in pg_stat_activity.
        report: told when the database is waited for.

    Raises:
        HousekeepingError: for whatever the database says.
    """
    try:
        connection = connect(url, wait=DATABASE_WAIT, report=report, application_name=command)
    except MigrationError as error:
        raise HousekeepingError(Exit(error.exit_code), *error.sentences) from error
    with connection:
        try:
            yield HousekeepingQueries(connection)
        except psycopg.Error as error:
            raise _explained(error, is_lost=connection.closed) from error


def _explained(error: psycopg.Error, *, is_lost: bool) -> HousekeepingError:
    reason = error.diag.message_primary or str(error).partition("\n")[0]
    if is_lost:
        return HousekeepingError(
            Exit.UNAVAILABLE, f"The database went away: {reason}", "What was reported is done. Run it again."
        )
    match error:
        case errors.UndefinedTable() | errors.UndefinedColumn():
            return HousekeepingError(
                Exit.PENDING, f"The database lacks tables of this version: {reason}", "Run bin/migrate first."
            )
        case errors.QueryCanceled():
            return HousekeepingError(
                Exit.TRY_AGAIN,
                f"The database cut it off: {reason}",
                "Run it again, or ask for less at once: --user, or a smaller --batch.",
            )
        case errors.DeadlockDetected() | errors.LockNotAvailable():
            return HousekeepingError(Exit.TRY_AGAIN, f"The database is busy: {reason}", "Run it again.")
        case errors.InsufficientPrivilege() | errors.ReadOnlySqlTransaction():
            return HousekeepingError(
                Exit.CONFIGURATION,
                f"The database refuses: {reason}",
                "Check the user and the host in DATABASE_URL, or DB_USER and DB_HOST.",
            )
    return HousekeepingError(
        Exit.SQL_ERROR, f"The database says: {reason} (SQLSTATE {error.sqlstate or 'none'})"
    )
