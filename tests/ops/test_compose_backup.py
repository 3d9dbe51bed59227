"""docs/deploy-compose.md's backup, made and restored by PostgreSQL's own programs as the page types them."""

import os
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.commands.report import TextReport
from app.migrations.command import migrate
from dev.postgres import EmbeddedPostgres
from tests.ops.compose import SERVICES
from tests.support.live_session import insert_live_session
from tests.support.pages import Page

INSIDE = "exec -T postgres "
IN_THE_CONTAINER = [
    command.line.partition(INSIDE)[2]
    for block in Page("deploy-compose.md").all_blocks()
    for command in block.commands()
    if INSIDE in command.line
]
BACKUP = [line for line in IN_THE_CONTAINER if line.startswith("pg_dump ")]
RESTORE = [line for line in IN_THE_CONTAINER if line not in BACKUP]


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The database that the container makes when it is new, migrated; its user is a superuser, as there."""
    role, name = (SERVICES["postgres"]["environment"][key] for key in ("POSTGRES_USER", "POSTGRES_DB"))
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER".encode())
        connection.execute(f"CREATE DATABASE {name} OWNER {role}".encode())
        url = postgres.url(name, user=role)
        migrate(url, report=TextReport(StringIO()), wait=10)
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        connection.execute(f"DROP ROLE {role}".encode())


def test_a_backup_brings_back_what_was_deleted_since(
    url: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    server = conninfo_to_dict(url)
    environ = {
        "PATH": f"{postgres.bin}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(server["host"]),
        "PGPORT": str(server["port"]),
    }

    def type_there(line: str) -> None:
        command = ["bash", "-euo", "pipefail", "-c", line]
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line

    assert (len(BACKUP), len(RESTORE)) == (1, 3)
    insert_live_session(url)
    type_there(BACKUP[0])
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM users")
    # Somebody is still connected: a forgotten psql, say.
    with psycopg.connect(url):
        for line in RESTORE:
            type_there(line)
    with psycopg.connect(url) as connection:
        people = connection.execute("SELECT name FROM users JOIN sessions ON user_id = users.id").fetchall()
    assert people == [("Ada Lovelace",)]
    report = StringIO()
    migrate(url, report=TextReport(report), wait=10)
    assert "no pending migrations" in report.getvalue()
