"""The ledger: the table schema_migrations, with a row for each file that was applied or begun."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from app.commands.errors import CommandError, Exit
from app.commands.schema import get_schema
from app.migrations.script.files import Migration

# status: `started` while a file without a transaction runs, and after an interruption; `retry` after the
# server reported an error, or an operator said that it may run again; `applied` when it is done.
CREATE = """
    CREATE TABLE IF NOT EXISTS {} (
        version bigint PRIMARY KEY,
        name text NOT NULL,
        status text NOT NULL CHECK (status IN ('started', 'retry', 'applied')),
        checksum text NOT NULL,
        raw_checksum text NOT NULL,
        applied_by text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        applied_at timestamptz,
        duration_ms bigint,
        accepted_checksum text,
        accepted_at timestamptz,
        accepted_by text,
        accept_reason text,
        CHECK ((status = 'applied') = (applied_at IS NOT NULL))
    )
"""
READ = """
    SELECT version, name, status, checksum, raw_checksum, applied_by, started_at, applied_at,
           accepted_checksum
    FROM {}
    ORDER BY version
"""
WRITE = """
    INSERT INTO {} (version, name, status, checksum, raw_checksum, applied_by, applied_at, duration_ms)
    VALUES (%(version)s, %(name)s, %(status)s, %(checksum)s, %(raw_checksum)s, %(applied_by)s,
            CASE WHEN %(status)s = 'applied' THEN clock_timestamp() END, %(duration_ms)s)
    ON CONFLICT (version) DO UPDATE SET
        name = excluded.name, status = excluded.status, checksum = excluded.checksum,
        raw_checksum = excluded.raw_checksum, applied_by = excluded.applied_by,
        applied_at = excluded.applied_at, duration_ms = excluded.duration_ms
"""
ACCEPT = """
    UPDATE {}
    SET accepted_checksum = %s, accepted_at = clock_timestamp(), accepted_by = %s, accept_reason = %s
    WHERE version = %s
"""
Status = Literal["started", "retry", "applied"]


@dataclass(frozen=True, slots=True)
class Row:
    """A file that was applied or begun. Checksums are as in Migration; `accept` sets `accepted_checksum`."""

    version: int
    name: str
    status: Status
    checksum: str
    raw_checksum: str
    applied_by: str
    started_at: datetime
    applied_at: datetime | None
    accepted_checksum: str | None


def read_ledger(connection: psycopg.Connection[Any]) -> list[Row]:
    """The rows, in the order of their versions; none where there is no ledger yet. One query where there is.

    Call it outside a transaction, in which no other query could follow a failed one.

    Raises:
        CommandError: INVALID where another tool made the table; CONFIGURATION where there is no schema.
    """
    try:
        return _read(connection, sql.SQL("schema_migrations"))
    except psycopg.errors.UndefinedTable:
        get_schema(connection)
        return []


def _read(connection: psycopg.Connection[Any], table: sql.Composable) -> list[Row]:
    try:
        # Binary results are the same under any setting of the server; text follows DateStyle and others.
        with connection.cursor(binary=True, row_factory=class_row(Row)) as cursor:
            return cursor.execute(sql.SQL(READ).format(table)).fetchall()
    except psycopg.errors.UndefinedColumn as error:
        raise CommandError(
            Exit.INVALID,
            "The table schema_migrations of this database is not this runner's: another tool made it.",
            "Rename it, then run: bin/migrate baseline VERSION",
            sqlstate=error.sqlstate,
        ) from error


class Ledger:
    """Reads and writes the table under the lock, by its whole name: a migration may change search_path.

    Args:
        connection: the runner's.
        schema: get_schema's.
        applied_by: what each row records.
    """

    def __init__(self, connection: psycopg.Connection[Any], *, schema: str, applied_by: str) -> None:
        self._connection = connection
        self._table = sql.Identifier(schema, "schema_migrations")
        self._applied_by = applied_by

    def create(self) -> None:
        """Makes the table where it is missing. The caller holds the lock."""
        found = self._connection.execute("SELECT to_regclass(%s)", (self._table.as_string(self._connection),))
        if found.fetchone() == (None,):
            self._connection.execute(sql.SQL(CREATE).format(self._table))

    def read(self) -> list[Row]:
        """The rows, in the order of their versions.

        Raises:
            CommandError: INVALID where another tool made the table.
        """
        return _read(self._connection, self._table)

    def write(self, migration: Migration, status: Status, *, duration_ms: int | None = None) -> None:
        """Inserts or replaces the row of a file."""
        values = {
            "version": migration.version,
            "name": migration.name,
            "status": status,
            "checksum": migration.checksum,
            "raw_checksum": migration.raw_checksum,
            "applied_by": self._applied_by,
            "duration_ms": duration_ms,
        }
        self._connection.execute(sql.SQL(WRITE).format(self._table), values)

    def remove(self, migration: Migration) -> None:
        """Deletes the row of a file that was begun and changed nothing."""
        self._connection.execute(
            sql.SQL("DELETE FROM {} WHERE version = %s").format(self._table), (migration.version,)
        )

    def accept(self, migration: Migration, *, reason: str) -> None:
        """Records that a file was edited on purpose after it was applied."""
        values = (migration.checksum, self._applied_by, reason, migration.version)
        self._connection.execute(sql.SQL(ACCEPT).format(self._table), values)
