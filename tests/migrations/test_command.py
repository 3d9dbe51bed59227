"""`bin/migrate` as people and scripts call it."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import psycopg
import pytest

from app.migrations.lock import lock_key
from tests.support.service import Process, free_port
from tests.support.waiting import until


class Run(Protocol):
    def __call__(self, *arguments: str, **environ: str) -> Process: ...


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
    assert [event["event"] for event in events] == ["checking", "migration", "applied", "completed"]
    assert events[1]["version"] == 1
    assert events[1]["ms"] >= 0


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
