"""The database and the migration files that a command works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from app.commands.connect import connect
from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.migrations.runner.failures import lost_connection, other_sql_error
from app.migrations.script.files import Migration, load_migrations

DATABASE_WAIT = 60.0
"""Seconds to wait for a database that is still starting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What each command of `bin/migrate` works with.

    Attributes:
        url: libpq's.
        folder: the migrations'.
        applied_by: program and version, which each row records.
        report: told what happens.
        wait: seconds to wait for other runners and for locked tables.
        variable: has the URL.
    """

    url: str = field(repr=False)
    folder: Path
    applied_by: str
    report: Report
    wait: float
    variable: str = "DATABASE_URL"

    def load(self) -> list[Migration]:
        """The migrations, in order. Raises CommandError, INVALID."""
        return load_migrations(self.folder)

    def find(self, name: str) -> Migration:
        """The migration with a name, with or without `.sql`, or with a number.

        Raises:
            CommandError: INVALID, as there is none.
        """
        migrations = self.load()
        for migration in migrations:
            if name.removesuffix(".sql") == migration.name or (
                name.isascii() and name.isdecimal() and int(name) == migration.version
            ):
                return migration
        raise CommandError(
            Exit.INVALID, f"No migration is called {name}.", "bin/migrate status lists those there are."
        )

    @contextmanager
    def connection(self, command: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection for a command; closed at the end.

        Raises:
            CommandError: the database is away, or reports an error.
        """
        opened = open_database(
            self.url, command, wait=DATABASE_WAIT, report=self.report, variable=self.variable
        )
        with opened as connection:
            yield connection


@contextmanager
def open_database(
    url: str, command: str, *, wait: float, report: Report, variable: str
) -> Iterator[psycopg.Connection[Any]]:
    """A connection for a command of `bin/migrate`; closed at the end.

    Raises:
        CommandError: the database is away, or reports an error.
    """
    name = f"bin/migrate {command}"
    with connect(url, wait=wait, report=report, application_name=name, variable=variable) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            raise (lost_connection if connection.closed else other_sql_error)(error) from error
