"""A database that cannot be worked in is named, and what failed first is what is reported."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app.commands.errors import CommandError, Exit
from tests.housekeeping.conftest import run_command
from tests.migrations.conftest import MakeRunner
from tests.support.service import Service
from tests.support.waiting import until

Connection = psycopg.Connection[Any]

COMMANDS = [
    ("migrate", "up"),
    ("migrate", "check"),
    ("migrate", "status"),
    ("migrate", "plan"),
    ("migrate", "baseline", "1"),
    ("migrate", "resolve", "1", "--applied"),
    ("migrate", "accept", "1", "--reason", "a comment"),
    ("migrate", "dump"),
    ("users", "list"),
    ("sessions", "list"),
    ("sessions", "purge"),
]


@pytest.fixture(params=["empty", "migrated"])
def either_url(request: pytest.FixtureRequest) -> str:
    """A database without tables, or with all of them."""
    name = "empty_database_url" if request.param == "empty" else "database_url"
    url: str = request.getfixturevalue(name)
    return url


def set_search_path(url: str, value: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path = {}").format(name, sql.Literal(value)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_search_path_without_a_schema_is_named_by_every_command(
    command: tuple[str, ...], either_url: str
) -> None:
    set_search_path(either_url, "")
    outcome = run_command(*command, DATABASE_URL=either_url)
    assert outcome.code == 78, outcome
    assert "search_path" in outcome.stderr
    assert "ALTER DATABASE name SET search_path = public" in outcome.stderr
    assert "aborted" not in outcome.stderr


@pytest.mark.parametrize("setting", ["true", "false"])
def test_a_search_path_without_a_schema_is_named_by_the_start(
    either_url: str, make_service: Callable[..., Service], setting: str
) -> None:
    set_search_path(either_url, "")
    service = make_service(database_url=either_url, MIGRATE_ON_START=setting)
    assert service.wait(20) == 78
    assert "search_path" in service.output
    assert "aborted" not in service.output


@pytest.mark.parametrize("value", ["nowhere", "pg_catalog", "information_schema", "pg_temp", '"$user"'])
def test_so_is_one_of_schemas_that_are_not_there_or_not_ours(empty_database_url: str, value: str) -> None:
    set_search_path(empty_database_url, value)
    outcome = run_command("migrate", DATABASE_URL=empty_database_url)
    assert outcome.code == 78, outcome
    assert "search_path" in outcome.stderr


CHANGES = {
    "fails-after-a-search-path": "SET search_path = '';\nSELECT 1 / 0;\n",
    "fails-after-a-role": "SET ROLE pg_monitor;\nCREATE TABLE three ();\n",
    "fails-after-a-time-limit": "SET LOCAL statement_timeout = '50ms';\nSELECT pg_sleep(9);\n",
}


@pytest.mark.parametrize(
    ("text", "sqlstate", "line"),
    [
        (CHANGES["fails-after-a-search-path"], "22012", 2),
        (CHANGES["fails-after-a-role"], "42501", 2),
        (CHANGES["fails-after-a-time-limit"], "57014", 2),
        ("SELECT 1;\nALTER TABLE schema_migrations RENAME TO elsewhere;\n", "42P01", None),
        ("CREATE TABLE three (id int PRIMARY KEY);\nSET TRANSACTION READ ONLY;\n", "25006", None),
    ],
    ids=[*CHANGES, "takes-the-ledger-away", "forbids-the-ledger"],
)
def test_a_file_that_fails_is_told_by_its_own_error(
    make_runner: MakeRunner, folder: Path, other: Connection, text: str, sqlstate: str, line: int | None
) -> None:
    make_runner().up()
    (folder / "0003_three.sql").write_text(text)
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.SQL_ERROR
    assert (caught.value.fields["sqlstate"], caught.value.fields["line"]) == (sqlstate, line)
    assert "0003_three.sql" in caught.value.sentences[0]
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)


def test_a_ledger_that_is_gone_after_a_statement_failed_does_not_hide_why(
    make_runner: MakeRunner, folder: Path, other: Connection, url: str
) -> None:
    make_runner().up()
    other.execute(
        "CREATE FUNCTION wait_and_fail() RETURNS void LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(7); PERFORM 1 / 0; END'"
    )
    (folder / "0003_three.sql").write_text("-- migrate: no-transaction\nSELECT wait_and_fail();\n")

    def waits() -> bool:
        found = other.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(found.fetchall())

    with psycopg.connect(url) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("SELECT pg_advisory_xact_lock(7)")
        failing = thread.submit(make_runner().up)
        until(waits, seconds=20, what="the statement waits")
        other.execute("ALTER TABLE schema_migrations RENAME TO elsewhere")
        holder.rollback()
        error = failing.exception(20)
    assert isinstance(error, CommandError)
    assert (error.exit_code, error.fields["sqlstate"]) == (Exit.SQL_ERROR, "22012")
    assert "division by zero" in error.sentences[0]
    assert "the ledger failed, too" in error.sentences[-1]


@pytest.fixture
def make_encoded(postgres: Any) -> Iterator[Callable[[str], str]]:
    """Makes databases with other encodings."""
    made: list[str] = []
    with psycopg.connect(postgres.url(), autocommit=True) as admin:

        def make(encoding: str) -> str:
            made.append(f"encoded_{encoding.lower()}")
            query = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C' LOCALE_PROVIDER libc"
            admin.execute(sql.SQL(query).format(sql.Identifier(made[-1]), sql.Literal(encoding)))
            url: str = postgres.url(made[-1])
            return url

        yield make
        for name in made:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP", "MULE_INTERNAL"])
def test_a_database_that_is_not_utf_8_is_refused_in_one_sentence(
    make_encoded: Callable[[str], str], make_service: Callable[..., Service], encoding: str
) -> None:
    url = make_encoded(encoding)
    service = make_service(database_url=url)
    assert service.wait(20) == 78
    assert encoding in service.output
    assert "Traceback" not in service.output
    for command in COMMANDS:
        outcome = run_command(*command, DATABASE_URL=url)
        assert outcome.code == 78, (command, outcome)
        assert encoding in outcome.stderr
        assert len(outcome.stderr.splitlines()) == (2 if encoding == "MULE_INTERNAL" else 1)
