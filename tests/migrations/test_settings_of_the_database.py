"""A file means the same in every database, whatever that has for defaults."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.report import TextReport
from app.migrations import actions
from app.migrations.target import Target
from dev.postgres import EmbeddedPostgres
from tests.database.test_hostile_settings import HOSTILE, set_default
from tests.housekeeping.conftest import run_command
from tests.support.pgbouncer import PgBouncer

FILES = {
    "0001_notes.sql": "CREATE TABLE notes (id int, text text, day date, at timestamptz, span interval);",
    "0002_first.sql": (
        "INSERT INTO notes VALUES (1, 'Ünïcode 李', '02/03/2024', '2024-02-03 12:00', interval '-1 2:03');"
    ),
    "0003_second.sql": "INSERT INTO notes SELECT 2, text || '\\n', day, at, span FROM notes;",
    "0004_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY notes_id_idx ON notes (id);",
    "0005_third.sql": (
        "INSERT INTO notes VALUES (3, 'é', '02/03/2024', '2024-02-03 12:00', interval '-1 2:03');"
    ),
}
WRITTEN = """
    SELECT text, day = date '2024-02-03', at = timestamptz '2024-02-03 12:00+00',
           span = make_interval(days => -1) + make_interval(hours => 2, mins => 3)
    FROM notes ORDER BY id
"""
ROWS = [("Ünïcode 李", True, True, True), ("Ünïcode 李\\n", True, True, True), ("é", True, True, True)]


@pytest.fixture
def hostile_url(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for name, value in HOSTILE.items():
            set_default(connection, "DATABASE", name.strip(), value)
    return empty_database_url


@pytest.fixture
def pooled_url(hostile_url: str, postgres: EmbeddedPostgres) -> Iterator[str]:
    with PgBouncer(postgres, pool_size=2) as pooler:
        yield pooler.in_front_of(hostile_url)


def apply(url: str, folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(FILES[name], encoding="utf-8")
    report = TextReport(StringIO())
    actions.up(Target(url=url, folder=folder, applied_by="a test", report=report, wait=10))


def written(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, client_encoding="UTF8") as connection:
        return connection.execute(WRITTEN).fetchall()


def test_files_write_the_same(hostile_url: str, tmp_path: Path) -> None:
    apply(hostile_url, tmp_path, *FILES)
    assert written(hostile_url) == ROWS


def test_moments_are_told_in_utc(hostile_url: str, tmp_path: Path) -> None:
    apply(hostile_url, tmp_path, "0001_notes.sql")
    status = run_command("migrate", "status", "--folder", str(tmp_path), DATABASE_URL=hostile_url)
    assert status.stdout.rstrip().endswith("+00:00")
    (tmp_path / "0001_notes.sql").write_text("CREATE TABLE others ();", encoding="utf-8")
    check = run_command("migrate", "check", "--folder", str(tmp_path), DATABASE_URL=hostile_url)
    assert " UTC by " in check.stderr


@pytest.mark.full
def test_files_write_the_same_through_a_pooler(pooled_url: str, hostile_url: str, tmp_path: Path) -> None:
    apply(pooled_url, tmp_path, *(name for name in FILES if name != "0004_index.sql"))
    assert written(hostile_url) == ROWS


@pytest.mark.full
def test_options_that_a_pooler_refuses_are_named_at_once(pooled_url: str) -> None:
    outcome = run_command("migrate", DATABASE_URL=f"{pooled_url}&options=-c%20lock_timeout%3D1")
    assert outcome.code == 78, outcome
    assert "options" in outcome.stderr
