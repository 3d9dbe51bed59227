"""bin/users import with many people, cut off, and run twice at once."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection
from tests.support.node_backend import NodeBackend, node_backend
from tests.support.service import Process
from tests.support.waiting import until

COUNT = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM identities)"


@pytest.fixture
def node(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    with node_backend(postgres) as backend:
        yield backend


@pytest.fixture
def start(database_url: str, node: NodeBackend) -> Iterator[Any]:
    """Starts bin/users import and does not wait for it."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Process:
            command = ("import", "--from", node.url, "--apply", "--json", *arguments)
            process = Process("bin/users", *command, environ={"DATABASE_URL": database_url})
            stack.callback(process.kill)
            return process

        yield start


def summary(process: Process) -> dict[str, Any]:
    entries = [json.loads(line) for line in process.lines]
    found: dict[str, Any] = next(entry for entry in entries if entry.get("event") == "users_imported")
    return found


def test_a_hundred_thousand_people_come_in_batches_that_tell_how_far_they_are(
    start: Any, node: NodeBackend, connection: Connection
) -> None:
    node.crowd(100_000)
    # Ten rows at a time, so that it takes long enough to tell.
    slow = start("--batch", "10")
    until(lambda: "rows so far" in slow.output, seconds=30, what="progress")
    slow.signal(signal.SIGTERM)
    assert slow.wait(15) == 143
    done = summary(slow)
    assert 0 < done["new"] < 100_000
    assert done["new"] % 10 == 0
    assert connection.execute(COUNT).fetchone() == (done["new"], done["new"])

    resumed = start()
    assert resumed.wait(120) == 0, resumed.output
    rest = summary(resumed)
    assert (rest["rows"], rest["already_there"], rest["skipped"]) == (100_000, done["new"], {})
    assert connection.execute(COUNT).fetchone() == (100_000, 100_000)


def test_a_killed_import_leaves_whole_batches_and_the_next_goes_on(
    start: Any, node: NodeBackend, connection: Connection
) -> None:
    node.crowd(20_000)
    process = start("--batch", "10")
    until(lambda: (connection.execute(COUNT).fetchone() or (0,))[0] > 100, seconds=30, what="some batches")
    process.signal(signal.SIGKILL)
    process.wait(15)
    users, identities = connection.execute(COUNT).fetchone() or (0, 0)
    assert users == identities < 20_000
    again = start()
    assert again.wait(60) == 0
    assert summary(again)["already_there"] >= users
    assert connection.execute(COUNT).fetchone() == (20_000, 20_000)


def test_two_at_once_make_no_account_twice(start: Any, node: NodeBackend, connection: Connection) -> None:
    node.crowd(20_000)
    processes = [start("--batch", "50") for _ in range(2)]
    codes = [process.wait(60) for process in processes]
    # One that was overtaken says so, and is run again.
    assert set(codes) <= {0, 75}
    assert 0 in codes
    done = [summary(process)["new"] for process in processes]
    assert connection.execute(COUNT).fetchone() == (sum(done), sum(done)) == (20_000, 20_000)


def test_somebody_who_registers_at_that_moment_stops_the_batch_with_exit_75(
    start: Any, node: NodeBackend, connection: Connection, database_url: str
) -> None:
    node.crowd(10)
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'bin/users import' AND wait_event_type = 'Lock'
          AND datname = current_database()
    """
    with psycopg.connect(database_url) as other:
        other.execute("INSERT INTO users (email) VALUES ('person5@example.com')")
        process = start()
        until(lambda: connection.execute(waiting).fetchone() == (1,), seconds=20, what="it waits")
        other.commit()
    assert process.wait(15) == 75
    assert summary(process)["new"] == 0
    again = start()
    assert again.wait(30) == 0
    assert summary(again)["skipped"] == {"email_taken": 1}
    assert connection.execute(COUNT).fetchone() == (10, 9)
