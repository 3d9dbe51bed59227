"""The ledger: the table schema_migrations, a row for each applied file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from app.migrations.errors import Exit, MigrationError
from app.migrations.files import Migration

CREATE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version bigint PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        raw_checksum text NOT NULL,
        status text NOT NULL DEFAULT 'applied',
        applied_at timestamptz NOT NULL DEFAULT now(),
        applied_by text NOT NULL,
        duration_ms bigint NOT NULL
    )
"""
READ = "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version"
INSERT = """
    INSERT INTO schema_migrations (version, name, checksum, raw_checksum, applied_by, duration_ms)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    version: int
    name: str
    checksum: str
    applied_at: datetime


def read_ledger(connection: psycopg.Connection[Any]) -> list[AppliedMigration]:
    """What the database has; nothing when it has no ledger yet. One query, outside a transaction."""
    try:
        with connection.cursor(row_factory=class_row(AppliedMigration)) as cursor:
            return cursor.execute(READ).fetchall()
    except psycopg.errors.UndefinedTable:
        return []


def create_ledger(connection: psycopg.Connection[Any]) -> None:
    """Makes the table where it is missing. Only to be called under the lock."""
    if connection.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,):
        connection.execute(CREATE)


def record(
    connection: psycopg.Connection[Any], migration: Migration, *, applied_by: str, duration_ms: int
) -> None:
    """Adds the row of an applied file, in the transaction of the file itself."""
    connection.execute(
        INSERT,
        (
            migration.version,
            migration.name,
            migration.checksum,
            migration.raw_checksum,
            applied_by,
            duration_ms,
        ),
    )


def pending(migrations: list[Migration], applied: list[AppliedMigration]) -> list[Migration]:
    """The files to apply, in order. Gaps in the numbers are fine, and so is a database ahead of the files.

    Raises:
        MigrationError: INVALID when an applied file is missing, or a pending one is older than the newest
            applied.
    """
    known = {migration.version for migration in migrations}
    done = {row.version for row in applied}
    newest_known = max(known, default=0)
    newest_done = max(done, default=0)
    missing = [row.name for row in applied if row.version not in known and row.version < newest_known]
    late = [m.name for m in migrations if m.version not in done and m.version < newest_done]
    faults = [
        f"{name}.sql was applied to this database and is missing here. Bring the file back."
        for name in missing
    ]
    faults += [
        f"{name}.sql is older than the newest applied migration ({newest_done}). Give it the next number."
        for name in late
        if newest_done <= newest_known
    ]
    if faults:
        raise MigrationError(Exit.INVALID, *faults)
    return [migration for migration in migrations if migration.version > newest_done]
