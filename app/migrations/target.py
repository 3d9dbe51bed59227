"""The database and the files that a command works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from app.commands.connect import connect
from app.commands.errors import Exit, MigrationError
from app.commands.report import Report
from app.migrations.runner.failures import lost_connection, other_sql_error
from app.migrations.script.files import Migration, load_migrations

DATABASE_WAIT = 60.0
"""Seconds to wait for a database that is only about to start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What every command needs.

    Attributes:
        url: libpq's.
        folder: where the migrations are.
        applied_by: program and version, recorded with each row.
        report: told what happens.
        wait: seconds to wait for other runners and locked tables.
    """

    url: str = field(repr=False)
    folder: Path
    applied_by: str
    report: Report
    wait: float

    def load(self) -> list[Migration]:
        """The files. Raises MigrationError, INVALID."""
        return load_migrations(self.folder)

    def find(self, name: str) -> Migration:
        """The file of a name, with or without `.sql`, or of a number.

        Raises:
            MigrationError: INVALID when there is none.
        """
        migrations = self.load()
        for migration in migrations:
            if name.removesuffix(".sql") == migration.name or (
                name.isascii() and name.isdecimal() and int(name) == migration.version
            ):
                return migration
        raise MigrationError(
            Exit.INVALID, f"No migration is called {name}.", "bin/migrate status lists those there are."
        )

    @contextmanager
    def connection(self, command: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection for a command, closed at the end.

        Raises:
            MigrationError: for whatever the database says.
        """
        name = f"bin/migrate {command}"
        with connect(self.url, wait=DATABASE_WAIT, report=self.report, application_name=name) as connection:
            try:
                yield connection
            except psycopg.Error as error:
                raise (lost_connection if connection.closed else other_sql_error)(error) from error
