"""`bin/migrate` as people and scripts call it."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import Exit
from app.migrations.arguments import COMMANDS
from app.migrations.runner.lock import lock_key
from app.migrations.script.files import load_migrations
from app.settings.places import MIGRATIONS_FOLDER
from tests.migrations.conftest import Run
from tests.support.service import Process, free_port
from tests.support.waiting import until


@pytest.fixture
def run(empty_database_url: str) -> Iterator[Run]:
    with ExitStack() as stack:

        def start(*arguments: str, **environ: str) -> Process:
            process = Process(
                "bin/migrate", *arguments, environ={"DATABASE_URL": empty_database_url, **environ}
            )
            stack.callback(process.kill)
            return process

        yield start


def test_check_changes_nothing_and_up_brings_it_up_to_date(run: Run, empty_database_url: str) -> None:
    check = run("check")
    assert check.wait() == 5
    assert "   - 0001_create_user_and_session_tables" in check.lines
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,)
    assert run().wait() == 0
    again = run("check")
    assert again.wait() == 0
    assert "✅ Database is up to date - no pending migrations" in again.lines
    status = run("status")
    assert status.wait() == 0
    assert status.lines[0].startswith("applied  0001_create_user_and_session_tables  ")


def test_json_is_one_object_a_line(run: Run) -> None:
    up = run("--json")
    assert up.wait() == 0
    events: list[dict[str, Any]] = [json.loads(line) for line in up.lines]
    migrations = [event for event in events if event["event"] == "migration"]
    versions = [migration.version for migration in load_migrations(MIGRATIONS_FOLDER)]
    assert [event["version"] for event in migrations] == versions
    assert all(event["ms"] >= 0 for event in migrations)
    others = [event["event"] for event in events if event not in migrations]
    assert others == ["checking", "applied", "completed"]


def test_no_setting_is_a_configuration_fault(run: Run) -> None:
    process = run(DATABASE_URL="")
    assert process.wait() == 78
    assert "DATABASE_URL: required" in process.output


def test_wrong_usage_is_exit_2_and_help_is_0(run: Run) -> None:
    assert run("sideways").wait() == 2
    helped = run("--help")
    assert helped.wait() == 0
    assert "exit codes:" in helped.output


def test_sigterm_while_waiting_for_the_lock_ends_it(run: Run, empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as holder, holder.transaction():
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        process = run()
        until(lambda: "Waiting for another runner" in process.output, seconds=20, what="it waits")
        process.signal(signal.SIGTERM)
        assert process.wait(6) == 143


def test_sigterm_while_waiting_for_the_database_ends_it(run: Run) -> None:
    process = run(DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x")
    until(lambda: "Waiting for the database" in process.output, seconds=20, what="it waits")
    process.signal(signal.SIGTERM)
    assert process.wait(6) == 143


def test_a_failure_is_one_json_object_with_file_line_and_sqlstate(run: Run, url: str, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("SELECT 1;\nSELECT 1/0;\n")
    process = there(run, url, folder, "--json")
    assert process.wait() == 1
    error = json.loads(process.lines[-1])
    assert error["event"] == "error"
    assert (error["version"], error["file"], error["line"], error["sqlstate"], error["exit_code"]) == (
        2,
        "0002_two.sql",
        2,
        "22012",
        1,
    )
    applied = json.loads(process.lines[1])
    assert (applied["event"], applied["version"], applied["file"]) == ("migration", 1, "0001_one.sql")
    assert applied["lock_wait_ms"] >= 0


def test_each_command_works_from_the_shell(run: Run, url: str, folder: Path) -> None:
    def ends(code: int, *arguments: str) -> str:
        process = there(run, url, folder, *arguments)
        assert process.wait() == code, process.output
        return process.output

    assert "-- 0001_one.sql: in a transaction" in ends(0, "plan")
    assert "up to 0001_one" in ends(0, "baseline", "1")
    assert "it needs no baseline" in ends(3, "baseline", "1")
    assert "   - 0002_two" in ends(5, "check", "--json").replace("\\n", "\n")
    ends(0, "up", "--wait", "5")
    assert "nothing to accept" in ends(3, "accept", "1", "--reason", "none")
    assert "nothing to resolve" in ends(3, "resolve", "1", "--retry")
    assert "0003_more.sql" in ends(0, "new", "more")
    for arguments in (
        ["resolve", "1"],
        ["accept", "1"],
        ["new"],
        ["baseline"],
        ["up", "--wait", "nan"],
        ["down"],
    ):
        ends(2, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("accept", "1", "--reason"),
        ("accept", "--reason", "none"),
        ("baseline", "--json"),
        ("resolve", "--retry", "--json"),
        ("new",),
        ("status", "--json", "--folder"),
    ],
    ids=" ".join,
)
def test_an_argument_that_is_no_utf_8_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    process = run(*arguments, os.fsdecode(b"\xff"))
    assert process.wait() == 2
    assert process.lines[0].startswith("usage: ")
    assert process.lines[-1].endswith(": '\\udcff' is not text in UTF-8")


def test_help_teaches_every_command_and_exit_code(run: Run) -> None:
    process = run("--help")
    assert process.wait() == 0
    for command in COMMANDS:
        assert re.search(rf"^ +{command} +[a-z]", process.output, re.MULTILINE), command
    for code in set(Exit) - {Exit.NOT_FOUND}:
        assert re.search(rf"\b{code.value} [a-zA-Z]", process.output), code
    for word in ("MIGRATE_DATABASE_URL", "-- migrate: no-transaction", "schema_migrations"):
        assert word in process.output


def there(run: Run, url: str, folder: Path, *arguments: str) -> Process:
    return run("--folder", str(folder), *arguments, DATABASE_URL=url)
