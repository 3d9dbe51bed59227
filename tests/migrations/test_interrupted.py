"""Runners and servers that die in the middle, and the clean rerun."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.signals import GRACE
from dev.postgres import EmbeddedPostgres
from tests.migrations.conftest import BOTH, Run
from tests.support.service import Process
from tests.support.waiting import until

Connection = psycopg.Connection[Any]
RUNNERS_BACKEND = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'bin/migrate up'
      AND state = 'active' AND query LIKE %s
"""
WITHIN = 6.0
"""Seconds; two are promised for SIGTERM, and the server looks every two seconds: threefold slack."""


def backend(other: Connection, statement: str) -> int:
    """The process of the server that runs a runner's statement, as soon as it does."""

    def find() -> Any:
        return other.execute(RUNNERS_BACKEND, (f"%{statement}%",)).fetchone()

    return int(until(find, seconds=20, what=f"a runner is in {statement}")[0])


def wait_until_gone(other: Connection, pid: int) -> None:
    def is_gone() -> bool:
        return not other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchall()

    until(is_gone, seconds=WITHIN, what="the server drops the orphan")


@pytest.fixture
def slow_file(folder: Path) -> Path:
    """A third file with a slow statement in its middle; `make_fast` is its second version."""
    path = folder / "0003_slow.sql"
    path.write_text("CREATE TABLE three (id int);\nSELECT pg_sleep(60);\n")
    return path


def assert_clean_rerun(run: Run, other: Connection, slow_file: Path) -> None:
    """Nothing of the slow file is there; with it mended, everything is applied once."""
    assert other.execute("SELECT to_regclass('three')").fetchone() == (None,)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)
    slow_file.write_text("CREATE TABLE three (id int);\n")
    again = run()
    assert again.wait() == 0, again.output
    assert other.execute("SELECT count(*) FROM one").fetchone() == (1,)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (3,)


@pytest.mark.parametrize("server", BOTH, indirect=True)
def test_sigterm_in_a_slow_statement_cancels_it_and_rolls_back(
    run: Run, other: Connection, slow_file: Path
) -> None:
    runner = run()
    pid = backend(other, "pg_sleep")
    runner.signal(signal.SIGTERM)
    assert runner.wait(WITHIN) == 143
    wait_until_gone(other, pid)
    assert "Terminated. What ran in a transaction was rolled back" in runner.output
    assert_clean_rerun(run, other, slow_file)


def test_sigterm_ends_a_runner_whose_server_is_frozen(run: Run, other: Connection, slow_file: Path) -> None:
    runner = run()
    pid = backend(other, "pg_sleep")
    os.kill(pid, signal.SIGSTOP)
    try:
        runner.signal(signal.SIGTERM)
        assert runner.wait(GRACE * 3) == 143  # psycopg alone would give the server 5 s
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_gone(other, pid)
    assert_clean_rerun(run, other, slow_file)


@pytest.mark.parametrize("server", BOTH, indirect=True)
def test_kill_9_of_the_runner_is_noticed_by_the_server(run: Run, other: Connection, slow_file: Path) -> None:
    runner = run()
    pid = backend(other, "pg_sleep")
    runner.signal(signal.SIGKILL)
    wait_until_gone(other, pid)
    assert_clean_rerun(run, other, slow_file)


def test_a_backend_that_is_terminated_is_an_outage_and_not_an_error_of_the_file(
    run: Run, other: Connection, slow_file: Path
) -> None:
    runner = run()
    other.execute("SELECT pg_terminate_backend(%s)", (backend(other, "pg_sleep"),))
    assert runner.wait() == 69
    assert "The database went away" in runner.output
    assert_clean_rerun(run, other, slow_file)


def test_sigterm_while_connecting_to_a_black_hole_ends_it(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        runner = run(DATABASE_URL=f"postgresql://127.0.0.1:{black_hole.getsockname()[1]}/x")
        connection, _ = black_hole.accept()
        with connection:
            runner.signal(signal.SIGTERM)
            assert runner.wait(WITHIN) == 143


@contextmanager
def old_snapshot(url: str) -> Iterator[None]:
    """A transaction that sees the database as it was, for whose end every concurrent build waits."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM one")
        yield


def start_build(run: Run, other: Connection, folder: Path) -> tuple[Process, int]:
    """A runner that waits in the middle of CREATE INDEX CONCURRENTLY, and its backend."""
    (folder / "0003_build.sql").write_text(
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY one_id ON one (id);\n"
    )
    runner = run()

    def has_begun() -> bool:
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('one_id')"
        return other.execute(valid).fetchone() == (False,)

    until(has_begun, seconds=20, what="the build has begun")
    return runner, backend(other, "CREATE INDEX CONCURRENTLY")


def assert_built(run: Run, other: Connection) -> Process:
    again = run()
    assert again.wait() == 0, again.output
    valid = other.execute("SELECT array_agg(indisvalid) FROM pg_index WHERE indrelid = 'one'::regclass")
    assert valid.fetchone() == ([True],)
    assert other.execute("SELECT status FROM schema_migrations WHERE version = 3").fetchone() == ("applied",)
    return again


@pytest.mark.parametrize("server", BOTH, indirect=True)
@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), ("pg_terminate_backend", 69)]
)
def test_an_interrupted_build_is_finished_by_the_next_run(
    run: Run, other: Connection, url: str, folder: Path, how: signal.Signals | str, code: int
) -> None:
    (folder / "0002_two.sql").unlink()
    assert run().wait() == 0
    with old_snapshot(url):
        runner, pid = start_build(run, other, folder)
        if isinstance(how, signal.Signals):
            runner.signal(how)
        else:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert runner.wait(WITHIN) == code
        wait_until_gone(other, pid)
    assert other.execute("SELECT status FROM schema_migrations WHERE version = 3").fetchone() == ("started",)
    again = assert_built(run, other)
    assert "an earlier attempt left index one_id not valid; building it again." in again.output


def test_a_runner_that_comes_while_the_orphan_still_builds_waits_for_it(
    run: Run, other: Connection, url: str, folder: Path
) -> None:
    assert run().wait() == 0
    with old_snapshot(url):
        runner, pid = start_build(run, other, folder)
        os.kill(pid, signal.SIGSTOP)  # a server that does not notice
        runner.signal(signal.SIGKILL)
        again = run()
        until(lambda: f"Waiting for another runner: pid {pid}" in again.output, seconds=20, what="it waits")
    os.kill(pid, signal.SIGCONT)
    assert again.wait() == 0, again.output
    assert_built(run, other)


def test_a_server_whose_backend_is_killed_recovers_and_the_build_is_finished(
    run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("crash")
    with EmbeddedPostgres(data, settings={"fsync": "off"}) as server:
        url = server.url()

        def run_there(*arguments: str, **environ: str) -> Process:
            return run(*arguments, DATABASE_URL=url, **environ)

        assert run_there().wait() == 0
        with (
            closing(psycopg.connect(url, autocommit=True)) as other,
            closing(psycopg.connect(url)) as blocker,
        ):
            blocker.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            blocker.execute("SELECT count(*) FROM one")
            runner, pid = start_build(run_there, other, folder)
            os.kill(pid, signal.SIGKILL)
            assert runner.wait() == 69, runner.output
        # The rerun waits by itself until the server has recovered.
        again = run_there()
        assert again.wait() == 0, again.output
        with closing(psycopg.connect(url, autocommit=True)) as other:
            assert_built(run_there, other)
