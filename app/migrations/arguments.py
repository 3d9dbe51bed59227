"""The command line of `bin/migrate`, and its help."""

import argparse
import math

from app.commands.arguments import text
from app.settings.places import MIGRATIONS_FOLDER

LOCK_WAIT = 300.0
"""Seconds."""

DESCRIPTION = """\
Brings the database to the schema of this version, or says how far it is.

A migration is a file of SQL, sql/migrations/NNNN_name.sql. Each is applied once, in the order of the numbers,
in a transaction of its own together with its row in the table schema_migrations: both or neither. However
many runners start at once, one works and the others wait. Applied files are never edited; there is no way
down: a mistake is mended by the next file.

A statement that cannot run in a transaction, such as CREATE INDEX CONCURRENTLY, has a file of its own, which
begins with the line:  -- migrate: no-transaction
"""
EPILOG = """\
exit codes:
  0 done                     4 needs resolve             75 busy: try again later
  1 SQL error in a file      5 pending (check)           78 configuration
  2 wrong usage             69 database unavailable     143 terminated
  3 files or ledger invalid

settings:
  The database is MIGRATE_DATABASE_URL, else DATABASE_URL, else DB_HOST, DB_PORT, DB_USER, DB_PASSWORD,
  DB_NAME and DB_SSLMODE; where none is set, that of the bin/dev that runs here. Behind a pooler,
  MIGRATE_DATABASE_URL names PostgreSQL itself.

examples:
  bin/migrate new add_user_locale      write the file it names, then:
  bin/migrate plan                     see what would run
  bin/migrate                          run it

docs/migrations.md has worked examples, and what to do for each exit code.
"""
COMMANDS = {
    "up": "apply what is pending (the default)",
    "status": "list every migration: applied, started, retry or pending",
    "check": "change nothing; exit 5 when something is pending, 3 when an applied file was edited",
    "plan": "print the SQL that up would run",
    "new": "make the next file",
    "baseline": "record the files up to VERSION as applied, in a database that already has their tables",
    "resolve": "say what became of an interrupted migration that runs without a transaction",
    "accept": "record that an applied file was edited on purpose",
    "dump": "write sql/schema.sql from the database (development)",
    "lint": "look for statements that lock big tables or break the previous version (development)",
}


def make_parser() -> argparse.ArgumentParser:
    """The parser; `command` is one of COMMANDS."""
    parser = argparse.ArgumentParser(
        prog="bin/migrate",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    parser.set_defaults(command="up", json=False, wait=LOCK_WAIT, folder=MIGRATIONS_FOLDER)
    parsers = {
        name: commands.add_parser(name, help=purpose, description=purpose)
        for name, purpose in COMMANDS.items()
    }
    for command in parsers.values():
        _add_options(command)
    parsers["new"].add_argument("name", type=text, help="what it does, such as add_user_locale")
    parsers["baseline"].add_argument(
        "version", type=text, help="number or name of the newest file the database has"
    )
    parsers["resolve"].add_argument("name", type=text, help="number or name of the migration")
    outcome = parsers["resolve"].add_mutually_exclusive_group(required=True)
    for word, meaning in (("applied", "it has taken effect"), ("retry", "run it again")):
        outcome.add_argument(f"--{word}", dest="outcome", action="store_const", const=word, help=meaning)
    parsers["accept"].add_argument("name", type=text, help="number or name of the migration")
    parsers["accept"].add_argument("--reason", type=text, required=True, help="why; kept in the ledger")
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that may stand before or after the command's name."""
    # A default would overwrite what stands before the command.
    keep = argparse.SUPPRESS
    parser.add_argument("--json", action="store_true", default=keep, help="one JSON object a line")
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=keep,
        metavar="SECONDS",
        help="how long to wait for other runners and locked tables (300)",
    )
    parser.add_argument(
        "--folder", type=text, default=keep, metavar="PATH", help="where the files are (sql/migrations)"
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError
    return seconds
