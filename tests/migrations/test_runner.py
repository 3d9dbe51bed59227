"""The runner against a real PostgreSQL: once each, in order, all or nothing, and never in the way."""

from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.runner.lock import lock_key
from tests.migrations.conftest import BOTH_IN_FULL, MakeRunner

pytestmark = pytest.mark.parametrize("server", BOTH_IN_FULL, indirect=True)


def test_it_says_what_it_did(make_runner: MakeRunner) -> None:
    first, second = StringIO(), StringIO()
    make_runner(first).up()
    make_runner(second).up()
    lines = [line for line in first.getvalue().splitlines() if not line.startswith("Applied ")]
    assert lines == [
        "🔍 Checking for pending migrations...",
        "✅ Applied 2 migration(s):",
        "   - 0001_one",
        "   - 0002_two",
        "✅ Migration check completed successfully",
    ]
    assert second.getvalue().splitlines() == [
        "🔍 Checking for pending migrations...",
        "✅ Database is up to date - no pending migrations",
        "✅ Migration check completed successfully",
    ]


def test_the_ledger_remembers_what_was_applied(
    make_runner: MakeRunner, other: psycopg.Connection[Any]
) -> None:
    runner = make_runner()
    runner.up()
    rows = other.execute(
        "SELECT version, name, checksum, applied_by FROM schema_migrations ORDER BY 1"
    ).fetchall()
    assert rows == [(m.version, m.name, m.checksum, "a test") for m in runner.migrations]


def test_a_failing_file_leaves_nothing_and_the_files_before_it_stay(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0003_bad.sql").write_text("CREATE TABLE three (id int);\n\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.SQL_ERROR
    assert caught.value.sentences[0] == ('0003_bad.sql:3: relation "nowhere" does not exist (SQLSTATE 42P01)')
    tables = other.execute("SELECT to_regclass('two') IS NOT NULL, to_regclass('three') IS NULL").fetchone()
    assert tables == (True, True)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)


def test_it_names_who_holds_the_lock_and_gives_up_in_time(
    make_runner: MakeRunner, other: psycopg.Connection[Any]
) -> None:
    output = StringIO()
    with other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        with pytest.raises(CommandError) as caught:
            make_runner(output, wait=0.5).up()
        pid = other.info.backend_pid
    assert caught.value.exit_code == Exit.TRY_AGAIN
    assert f"Waiting for another runner: pid {pid} (" in output.getvalue()
    assert f"pid {pid}" in caught.value.sentences[0]


def test_a_locked_table_ends_in_try_again_later(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    make_runner().up()
    (folder / "0003_alter.sql").write_text("ALTER TABLE one ADD COLUMN name text;\n")
    with other.transaction():
        other.execute("LOCK TABLE one")
        with pytest.raises(CommandError) as caught:
            make_runner(wait=0.0).up()
    assert caught.value.exit_code == Exit.TRY_AGAIN
    assert caught.value.fields["sqlstate"] == "55P03"


def test_nothing_pending_takes_no_lock(make_runner: MakeRunner, other: psycopg.Connection[Any]) -> None:
    make_runner().up()
    with other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        make_runner(wait=0.0).up()


def test_a_database_ahead_of_the_files_is_left_alone(make_runner: MakeRunner, folder: Path) -> None:
    make_runner().up()
    (folder / "0002_two.sql").unlink()
    output = StringIO()
    make_runner(output).up()
    assert "The database is ahead of this version by 0002_two" in output.getvalue()


def test_a_file_that_another_branchs_newer_one_overtook_is_named(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0004_theirs.sql").write_text("CREATE TABLE four (id int);\n")
    make_runner().up()
    (folder / "0004_theirs.sql").unlink()
    (folder / "0003_ours.sql").write_text("CREATE TABLE three (id int);\n")
    output = StringIO()
    with pytest.raises(CommandError) as caught:
        make_runner(output).up()
    assert caught.value.exit_code == Exit.INVALID
    assert "0003_ours.sql is older than the newest applied migration (4)" in str(caught.value)
    assert "going on" not in output.getvalue()
    assert other.execute("SELECT to_regclass('three')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("added", "removed", "sentence"),
    [
        ("0002_again.sql", None, "Two migrations have the number 2: 0002_again.sql, 0002_two.sql"),
        ("0000_late.sql", None, "0000_late.sql has the number 0. Numbers begin with 0001."),
        ("0003_next.sql", "0001_one.sql", "0001_one.sql was applied to this database and is missing here"),
        ("0003-dash.sql", None, "0003-dash.sql is not named like"),
    ],
)
def test_files_that_do_not_fit_are_named(
    make_runner: MakeRunner, folder: Path, added: str, removed: str | None, sentence: str
) -> None:
    make_runner().up()
    (folder / added).write_text("SELECT 1;\n")
    if removed:
        (folder / removed).unlink()
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
    assert sentence in str(caught.value)


def test_a_message_has_its_line_whatever_the_server_says_of_it(make_runner: MakeRunner, folder: Path) -> None:
    (folder / "0003_bad.sql").write_bytes(
        b"-- caf\xc3\xa9\r\nSELECT 1; -- ;\r\n\r\nINSERT INTO one\r\nVALUES (1/0);\r\n"
    )
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.sentences[0] == "0003_bad.sql:4: division by zero (SQLSTATE 22012)"
    assert caught.value.fields["line"] == 4


def test_a_constraint_that_waits_for_the_commit_is_told_of_too(make_runner: MakeRunner, folder: Path) -> None:
    (folder / "0003_late.sql").write_text(
        "ALTER TABLE one ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;\nINSERT INTO one VALUES (1);\n"
    )
    with pytest.raises(CommandError, match=r"0003_late\.sql: duplicate key .* \(SQLSTATE 23505\)") as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.SQL_ERROR


def test_a_table_that_was_there_before_hints_at_baseline(
    make_runner: MakeRunner, other: psycopg.Connection[Any]
) -> None:
    other.execute("CREATE TABLE one ()")
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.sentences[0] == '0001_one.sql:1: relation "one" already exists (SQLSTATE 42P07)'
    assert "bin/migrate baseline VERSION" in str(caught.value)


def test_what_a_file_sets_reaches_neither_the_ledger_nor_the_next_file(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0003_strays.sql").write_text(
        "CREATE SCHEMA apart; CREATE ROLE stray;\n"
        "SET search_path = apart; SET ROLE stray; SET lock_timeout = 0;\n"
    )
    (folder / "0004_next.sql").write_text(
        "CREATE TABLE four AS SELECT current_schema() AS place, current_setting('lock_timeout') AS patience,"
        " current_user = session_user AS is_self;\n"
    )
    try:
        make_runner().up()
        assert other.execute("SELECT * FROM public.four").fetchone() == ("public", "2s", True)
    finally:
        other.execute("DROP ROLE stray")


def test_percent_signs_backslashes_and_dollars_arrive_as_they_are(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0003_text.sql").write_text(
        "CREATE TABLE three (t text);\n"
        r"INSERT INTO three VALUES ('100% %s %(a)s %%'), ('back\slash'), ($$;$$);"
    )
    make_runner().up()
    assert other.execute("SELECT array_agg(t) FROM three").fetchone() == (
        ["100% %s %(a)s %%", r"back\slash", ";"],
    )


def test_another_tools_ledger_is_left_alone(make_runner: MakeRunner, other: psycopg.Connection[Any]) -> None:
    other.execute("CREATE TABLE schema_migrations (version bigint, dirty boolean)")
    with pytest.raises(CommandError, match="another tool made it") as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID


@pytest.mark.parametrize("text", ["", "-- nothing\n/* at /* all */ */;\n"])
def test_a_file_without_a_statement_is_refused(make_runner: MakeRunner, folder: Path, text: str) -> None:
    (folder / "0003_empty.sql").write_text(text)
    with pytest.raises(CommandError, match=r"0003_empty\.sql:1: The file holds no statement") as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
