"""baseline, resolve, new, plan: what people do beside `up`."""

from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from app.migrations import actions, amend
from app.migrations.new import new
from app.migrations.target import Target

Connection = psycopg.Connection[Any]


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
def target(empty_database_url: str, folder: Path, output: StringIO) -> Target:
    report = TextReport(output)
    return Target(url=empty_database_url, folder=folder, applied_by="a test", report=report, wait=10)


@pytest.fixture
def database(empty_database_url: str) -> Any:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("version", ["1", "0001", "0001_one"])
def test_a_baseline_records_without_running_and_the_rest_is_pending(
    target: Target, database: Connection, version: str
) -> None:
    database.execute("CREATE TABLE one (id int)")
    amend.baseline(target, version)
    actions.up(target)
    rows = database.execute("SELECT version, applied_by FROM schema_migrations ORDER BY 1").fetchall()
    assert rows == [(1, "a test (baseline)"), (2, "a test")]
    assert database.execute("SELECT count(*) FROM one").fetchone() == (0,)


def test_a_baseline_is_for_databases_without_a_ledger(target: Target) -> None:
    amend.baseline(target, "1")
    with pytest.raises(CommandError, match="it needs no baseline") as caught:
        amend.baseline(target, "2")
    assert caught.value.exit_code == Exit.INVALID


def test_a_baseline_of_an_unknown_version_changes_nothing(target: Target, database: Connection) -> None:
    with pytest.raises(CommandError, match="No migration is called 7") as caught:
        amend.baseline(target, "7")
    assert caught.value.exit_code == Exit.INVALID
    assert database.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,)


@pytest.mark.parametrize(("outcome", "rows"), [("applied", 0), ("retry", 1)])
def test_a_person_says_what_became_of_an_interrupted_file(
    target: Target, folder: Path, database: Connection, outcome: Any, rows: int
) -> None:
    actions.up(target)
    database.execute("CREATE PROCEDURE fill() LANGUAGE sql AS 'INSERT INTO two VALUES (1)'")
    (folder / "0003_fill.sql").write_text("-- migrate: no-transaction\nCALL fill();\n")
    database.execute(
        "INSERT INTO schema_migrations (version, name, status, checksum, raw_checksum, applied_by) "
        "VALUES (3, '0003_fill', 'started', 'x', 'x', 'a test')"
    )
    for action in (actions.check, actions.up):
        with pytest.raises(CommandError) as caught:
            action(target)
        assert caught.value.exit_code == Exit.NEEDS_RESOLVE
    amend.resolve(target, "0003_fill", outcome)
    actions.up(target)
    actions.check(target)
    assert database.execute("SELECT count(*) FROM two").fetchone() == (rows,)


def test_only_what_was_interrupted_can_be_resolved(target: Target, folder: Path) -> None:
    actions.up(target)
    (folder / "0003_next.sql").write_text("SELECT 1;\n")
    for name, state in (("0002_two", "applied"), ("0003_next", "pending")):
        with pytest.raises(CommandError, match=f"{name} is {state}, not interrupted") as caught:
            amend.resolve(target, name, "retry")
        assert caught.value.exit_code == Exit.INVALID


def test_a_plan_is_the_sql_with_the_names_of_its_files(
    target: Target, database: Connection, output: StringIO
) -> None:
    amend.baseline(target, "1")
    output.seek(0)
    output.truncate()
    actions.plan(target)
    assert output.getvalue() == "-- 0002_two.sql: in a transaction\nCREATE TABLE two (id int);\n\n"
    database.execute(output.getvalue().encode())
    assert database.execute("SELECT to_regclass('two')::text").fetchone() == ("two",)


def test_a_new_file_has_the_next_number_and_waits_to_be_written(target: Target, folder: Path) -> None:
    path = new(folder, "Add User-Locale!", report=target.report)
    assert path == folder / "0003_add_user_locale.sql"
    with pytest.raises(CommandError, match=r"0003_add_user_locale\.sql:1: The file holds no statement"):
        actions.up(target)
    path.write_text(path.read_text() + "CREATE TABLE three ();\n")
    actions.up(target)


def test_a_new_file_needs_a_name_and_a_folder(target: Target, folder: Path) -> None:
    with pytest.raises(CommandError, match="letters and digits") as caught:
        new(folder, "…", report=target.report)
    assert caught.value.exit_code == Exit.USAGE
    with pytest.raises(CommandError, match="nowhere cannot be read: No such file") as caught:
        new(folder / "nowhere", "name", report=target.report)
    assert caught.value.exit_code == Exit.INVALID
