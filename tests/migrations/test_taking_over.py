"""A database that has the tables and no ledger, taken over as docs/migrations.md says."""

from collections import Counter
from io import StringIO
from pathlib import Path

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from app.migrations.actions import check, up
from app.migrations.amend import baseline
from app.migrations.dump import SCHEMA_FILE, dump
from app.migrations.script.files import load_migrations
from app.migrations.target import Target
from app.settings.places import MIGRATIONS_FOLDER

SILENT = TextReport(StringIO())
SCHEMA = SCHEMA_FILE.read_text(encoding="utf-8")


@pytest.fixture
def target(empty_database_url: str) -> Target:
    """Tables as our migrations make them, made by something else."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(SCHEMA.encode())
    return Target(
        url=empty_database_url, folder=MIGRATIONS_FOLDER, applied_by="a test", report=SILENT, wait=10.0
    )


def test_up_stops_at_the_first_table_and_names_the_way_out(target: Target) -> None:
    with pytest.raises(CommandError, match=r'"users" already exists[\s\S]*bin/migrate baseline') as stopped:
        up(target)
    assert stopped.value.exit_code == Exit.SQL_ERROR


def test_dump_shows_what_differs(target: Target, tmp_path: Path) -> None:
    found = tmp_path / "schema.sql"
    dump(target.url, report=SILENT, target=found)
    assert found.read_text(encoding="utf-8") == SCHEMA
    with psycopg.connect(target.url) as connection:
        connection.execute("ALTER TABLE users ALTER COLUMN email DROP NOT NULL")
    dump(target.url, report=SILENT, target=found)
    missing = Counter(SCHEMA.splitlines()) - Counter(found.read_text(encoding="utf-8").splitlines())
    assert missing == {"    email text NOT NULL,": 1}


def test_after_baseline_nothing_is_pending(target: Target) -> None:
    baseline(target, str(load_migrations(MIGRATIONS_FOLDER)[-1].version))
    check(target)
    up(target)
