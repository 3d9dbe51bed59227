"""The runner against a real PostgreSQL: once each, in order, all or nothing, and never in the way."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.migrations.errors import Exit, MigrationError
from app.migrations.files import load_migrations
from app.migrations.lock import lock_key
from app.migrations.report import PlainReport
from app.migrations.runner import Runner
from tests.support.waiting import until

MakeRunner = Callable[..., Runner]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\n")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (id int);\n")
    return tmp_path


@pytest.fixture
def make_runner(empty_database_url: str, folder: Path) -> Iterator[MakeRunner]:
    with ExitStack() as stack:

        def make(output: StringIO | None = None, **arguments: Any) -> Runner:
            connection = psycopg.connect(empty_database_url, autocommit=True, application_name="a test")
            stack.enter_context(connection)
            return Runner(
                **{
                    "connection": connection,
                    "migrations": load_migrations(folder),
                    "report": PlainReport(output or StringIO()),
                    "wait": 20.0,
                    "applied_by": "a test",
                    **arguments,
                }
            )

        yield make


@pytest.fixture
def other(empty_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


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
    with pytest.raises(MigrationError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.SQL_ERROR
    assert caught.value.sentences[0] == ('0003_bad.sql:3: relation "nowhere" does not exist (SQLSTATE 42P01)')
    tables = other.execute("SELECT to_regclass('two') IS NOT NULL, to_regclass('three') IS NULL").fetchone()
    assert tables == (True, True)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)


def test_twelve_at_once_apply_each_file_once(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.5);\nINSERT INTO one VALUES (3);\n")
    runners = [make_runner() for _ in range(12)]
    failures: list[BaseException] = []

    def run(runner: Runner) -> None:
        try:
            runner.up()
        except BaseException as error:  # noqa: BLE001  # told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert other.execute("SELECT array_agg(version ORDER BY version) FROM schema_migrations").fetchone() == (
        [1, 2, 3],
    )
    assert other.execute("SELECT array_agg(id ORDER BY id) FROM one").fetchone() == ([1, 3],)


def test_it_names_who_holds_the_lock_and_gives_up_in_time(
    make_runner: MakeRunner, other: psycopg.Connection[Any]
) -> None:
    output = StringIO()
    with other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        with pytest.raises(MigrationError) as caught:
            make_runner(output, wait=0.5).up()
        pid = other.info.backend_pid
    assert caught.value.exit_code == Exit.TRY_AGAIN
    assert f"Waiting for another runner: pid {pid} (" in output.getvalue()
    assert f"pid {pid}" in caught.value.sentences[0]


def test_a_locked_table_is_left_to_its_readers_and_tried_again(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any], empty_database_url: str
) -> None:
    make_runner().up()
    (folder / "0003_alter.sql").write_text("ALTER TABLE one ADD COLUMN name text;\n")
    output = StringIO()
    runner = make_runner(output)
    thread = threading.Thread(target=runner.up)
    with other.transaction():
        other.execute("SELECT * FROM one")
        thread.start()
        waits: list[float] = []
        with psycopg.connect(empty_database_url, autocommit=True) as reader:

            def has_backed_off() -> bool:
                began = time.monotonic()
                reader.execute("SELECT * FROM one")
                waits.append(time.monotonic() - began)
                return "A table is in use by others" in output.getvalue()

            until(has_backed_off, seconds=20, what="the runner backs off")
    thread.join(40)
    assert "   - 0003_alter" in output.getvalue()
    assert max(waits) < 6  # lock_timeout is 2 s; threefold slack


def test_a_locked_table_ends_in_try_again_later(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    make_runner().up()
    (folder / "0003_alter.sql").write_text("ALTER TABLE one ADD COLUMN name text;\n")
    with other.transaction():
        other.execute("LOCK TABLE one")
        with pytest.raises(MigrationError) as caught:
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


@pytest.mark.parametrize(
    ("added", "removed", "sentence"),
    [
        ("0002_again.sql", None, "Two migrations have the number 2: 0002_again.sql, 0002_two.sql"),
        ("0000_late.sql", None, "0000_late.sql is older than the newest applied migration (2)"),
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
    with pytest.raises(MigrationError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
    assert sentence in str(caught.value)


def test_a_file_that_is_not_utf8_is_named_with_its_line(folder: Path) -> None:
    (folder / "0003_latin.sql").write_bytes(b"-- fine\n-- caf\xe9\n")
    with pytest.raises(MigrationError, match=r"0003_latin\.sql:2 is not UTF-8"):
        load_migrations(folder)


def test_line_endings_and_byte_order_mark_do_not_change_the_checksum(folder: Path) -> None:
    (folder / "0001_one.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load_migrations(folder)[0]
    (folder / "0001_one.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n")
    windows = load_migrations(folder)[0]
    assert unix.checksum == windows.checksum
    assert unix.raw_checksum != windows.raw_checksum
