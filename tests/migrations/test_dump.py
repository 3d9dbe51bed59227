"""sql/schema.sql is what the migrations make, and `bin/migrate dump` always writes the same."""

import os
from io import StringIO
from pathlib import Path

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from app.migrations import dump as module
from app.migrations.command import migrate
from app.migrations.dump import SCHEMA_FILE, dump
from dev.postgres import EmbeddedPostgres
from tests.database.test_hostile_settings import HOSTILE, set_default
from tests.migrations.conftest import BOTH
from tests.support.databases import fresh_database

SILENT = TextReport(StringIO())
OF_EVERY_KIND = """
    CREATE TABLE parents (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL);
    CREATE FUNCTION touch(what text) RETURNS text LANGUAGE plpgsql AS $body$
    BEGIN
        -- A comment inside.{spaces}

        UPDATE parents
        SET note = what;
        RETURN what;
    END
    $body$;
    CREATE VIEW notes AS SELECT note FROM parents;
    CREATE TYPE mood AS ENUM ('fine', 'less so');
""".replace("{spaces}", "   ")


def dumped(url: str, folder: Path) -> str:
    target = folder / "schema.sql"
    dump(url, report=SILENT, target=target)
    return target.read_text(encoding="utf-8")


@pytest.mark.parametrize("server", BOTH, indirect=True)
def test_the_committed_schema_is_what_the_migrations_make_on_each_version(url: str, tmp_path: Path) -> None:
    migrate(url, report=SILENT, wait=10)
    assert dumped(url, tmp_path) == SCHEMA_FILE.read_text(encoding="utf-8"), "run bin/migrate dump"


def test_the_databases_own_settings_change_no_dump(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name, value in HOSTILE.items():
            set_default(connection, "DATABASE", name.strip(), value)
    assert dumped(database_url, tmp_path) == SCHEMA_FILE.read_text(encoding="utf-8")


def test_the_dump_makes_a_database_that_dumps_the_same(
    postgres: EmbeddedPostgres, database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(OF_EVERY_KIND)
    first = dumped(database_url, tmp_path)
    assert "A comment inside.\n\n        UPDATE parents\n        SET note = what;" in first
    with fresh_database(postgres) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(first.encode())
        assert dumped(url, tmp_path) == first


def test_it_holds_neither_ledger_nor_versions_nor_owners(database_url: str, tmp_path: Path) -> None:
    text = dumped(database_url, tmp_path)
    assert "schema_migrations" not in text
    assert "Owner" not in text
    assert "restrict" not in text
    assert "\nSET " not in text
    assert " \n" not in text
    assert text.count("PostgreSQL") == 0


def test_no_pg_dump_is_said_with_the_way_out(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "DEVELOPMENT_WHEEL", "not_installed_here")
    with pytest.raises(CommandError, match="bin/setup") as refused:
        dumped(database_url, tmp_path)
    assert refused.value.exit_code == Exit.UNAVAILABLE


def test_a_pg_dump_older_than_the_server_is_named(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.9 (Debian 15.9-1)'\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "DEVELOPMENT_WHEEL", "not_installed_here")
    with pytest.raises(CommandError, match=r"PostgreSQL 18, .* older: .*pg_dump \(15\)") as refused:
        dumped(database_url, tmp_path)
    assert refused.value.exit_code == Exit.UNAVAILABLE


def test_the_password_is_not_on_the_command_line(
    postgres: EmbeddedPostgres, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    spy = tmp_path / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\necho "pg_dump (PostgreSQL) 18.1" "$@" >> {seen}\ncat {seen}\n', encoding="utf-8"
    )
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "DEVELOPMENT_WHEEL", "not_installed_here")
    dumped(database_url.replace("postgres@", "postgres:not-to-be-seen@"), tmp_path)
    assert "--schema-only" in seen.read_text(encoding="utf-8")
    assert "not-to-be-seen" not in seen.read_text(encoding="utf-8")
