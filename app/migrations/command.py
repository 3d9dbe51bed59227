"""`bin/migrate`: the runner for people and scripts."""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import psycopg

from app.config import ConfigError
from app.environment import load_migration_database_url
from app.migrations.connect import connect
from app.migrations.errors import Exit, MigrationError, TerminatedError
from app.migrations.files import MIGRATIONS_FOLDER, load_migrations
from app.migrations.ledger import pending, read_ledger
from app.migrations.report import JSONReport, PlainReport, Report
from app.migrations.runner import Runner
from app.version import version

DATABASE_WAIT = 60.0
"""Seconds to wait for a database that is only about to start."""
LOCK_WAIT = 300.0

DESCRIPTION = """\
Brings the database to the schema of this version, or says how far it is.

  up       apply what is pending (this is the default)
  status   list every migration, applied or pending
  check    change nothing; exit 5 when something is pending
"""
EPILOG = """\
exit codes:
  0 done                     3 files or ledger invalid   69 database unavailable
  1 SQL error in a file      5 pending (check)           75 busy: try again later
  2 wrong usage             78 configuration            143 terminated

The database is MIGRATE_DATABASE_URL, else DATABASE_URL, else DB_HOST, DB_USER, DB_PASSWORD and DB_NAME.
"""


def migrate(url: str, *, report: Report, wait: float) -> None:
    """Applies what is pending.

    Raises:
        MigrationError: with the exit code of what went wrong.
    """
    migrations = load_migrations(MIGRATIONS_FOLDER)
    applied_by = f"connected-backend {version()}"
    try:
        with connect(url, wait=DATABASE_WAIT, report=report, application_name="bin/migrate up") as connection:
            Runner(
                connection=connection, migrations=migrations, report=report, wait=wait, applied_by=applied_by
            ).up()
    except psycopg.OperationalError as error:
        raise _lost_connection(error) from error


def check(url: str, *, report: Report) -> None:
    """Changes nothing.

    Raises:
        MigrationError: PENDING, naming the files, or what else went wrong.
    """
    migrations = load_migrations(MIGRATIONS_FOLDER)
    report.say("checking", "🔍 Checking for pending migrations...")
    with connect(url, wait=DATABASE_WAIT, report=report, application_name="bin/migrate check") as connection:
        waiting = pending(migrations, read_ledger(connection))
    if waiting:
        raise MigrationError(
            Exit.PENDING,
            f"{len(waiting)} migration(s) pending:",
            *(f"   - {migration.name}" for migration in waiting),
            "Apply them with: bin/migrate",
            pending=[migration.name for migration in waiting],
        )
    report.say("up_to_date", "✅ Database is up to date - no pending migrations")
    report.say("completed", "✅ Migration check completed successfully")


def status(url: str, *, report: Report) -> None:
    """Lists every migration, applied or pending."""
    migrations = load_migrations(MIGRATIONS_FOLDER)
    with connect(url, wait=DATABASE_WAIT, report=report, application_name="bin/migrate status") as connection:
        applied = {row.version: row for row in read_ledger(connection)}
    names = {migration.version: migration.name for migration in migrations}
    names |= {row.version: row.name for row in applied.values() if row.version not in names}
    for number, name in sorted(names.items()):
        row = applied.get(number)
        moment = f"{row.applied_at:%Y-%m-%d %H:%M:%S %Z}" if row else None
        sentence = f"applied  {name}  {moment}" if row else f"pending  {name}"
        report.say("status", sentence, fields={"version": number, "name": name, "applied_at": moment})


def raise_on_sigterm() -> None:
    """Makes SIGTERM cancel the statement that is running, roll back and end the process with 143."""

    def terminate(_signal: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise TerminatedError

    signal.signal(signal.SIGTERM, terminate)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="bin/migrate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", default="up", choices=["up", "status", "check"])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--wait", type=float, default=LOCK_WAIT, help="seconds to wait for other runners (default 300)"
    )
    options = parser.parse_args(arguments)
    raise_on_sigterm()
    report: Report = JSONReport(sys.stdout) if options.json else PlainReport(sys.stdout)
    problems: Report = report if options.json else PlainReport(sys.stderr)
    try:
        url = load_migration_database_url(environ)
        if options.command == "up":
            migrate(url, report=report, wait=options.wait)
        elif options.command == "check":
            check(url, report=report)
        else:
            status(url, report=report)
    except ConfigError as error:
        problems.say("error", *str(error).splitlines(), fields={"exit_code": Exit.CONFIGURATION})
        return Exit.CONFIGURATION
    except MigrationError as error:
        problems.say("error", *error.sentences, fields=error.fields | {"exit_code": error.exit_code})
        return error.exit_code
    except TerminatedError:
        problems.say(
            "error", "Terminated; nothing was left half done.", fields={"exit_code": Exit.TERMINATED}
        )
        return Exit.TERMINATED
    return Exit.DONE


def _lost_connection(error: psycopg.OperationalError) -> MigrationError:
    reason = str(error).partition("\n")[0]
    return MigrationError(
        Exit.UNAVAILABLE,
        f"The database went away: {reason}",
        "The file that was running was rolled back. Run bin/migrate again.",
    )


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:], os.environ))
