"""bin/sessions purge."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from tests.housekeeping.conftest import Connection, People, Run
from tests.support.service import Process
from tests.support.waiting import until

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'bin/sessions purge' AND wait_event_type = 'Lock'
      AND datname = current_database()
"""


@pytest.fixture
def start(database_url: str) -> Iterator[Any]:
    """Starts bin/sessions purge and does not wait for it."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Process:
            process = Process("bin/sessions", "purge", *arguments, environ={"DATABASE_URL": database_url})
            stack.callback(process.kill)
            return process

        yield start


def test_what_ended_over_thirty_days_ago_goes_however_it_ended(run: Run, people: People) -> None:
    ada = people.user("ada@example.com")
    gone = {
        people.session(ada, idles="-40 days", expires="-31 days"),
        people.session(ada, idles="-31 days", expires="-8 days"),
        people.session(ada, revoked="-31 days", expires="-2 days"),
        people.session(None, idles="-31 days", expires="-31 days"),
    }
    kept = {
        people.session(ada),
        people.session(None, idles="1 hour", expires="1 hour"),
        people.session(ada, idles="-29 days", expires="-29 days"),
        people.session(ada, idles="-29 days", expires="-6 days"),
        people.session(ada, revoked="-29 days", expires="-1 day"),
        people.session(None, idles="-29 days", expires="-29 days"),
    }
    outcome = run("sessions", "purge", "--json")
    (entry,) = outcome.objects
    assert (outcome.code, entry["event"], entry["count"]) == (0, "sessions_purged", len(gone))
    assert entry["longest_batch_ms"] > 0
    assert people.ids() == kept
    assert run("sessions", "purge").stdout == "Deleted 0 sessions.\n"


def test_older_than_zero_keeps_live_sessions_alone(run: Run, people: People) -> None:
    ada = people.user("ada@example.com")
    people.session(ada, revoked="-1 second")
    people.session(ada, idles="-1 second")
    people.session(None, idles="-1 second", expires="-1 second")
    live = {people.session(ada), people.session(None, idles="1 hour", expires="1 hour")}
    assert run("sessions", "purge", "--older-than", "0d").stdout == "Deleted 3 sessions.\n"
    assert people.ids() == live


@pytest.mark.parametrize("expires", ["-40 days", "1 day"])
def test_many_rows_that_expire_at_one_moment_go_in_batches(
    run: Run, people: People, connection: Connection, expires: str
) -> None:
    people.many_sessions(500, expires=expires)
    connection.execute(
        "UPDATE sessions SET expires_at = now() + %s::interval, idle_expires_at = now() - interval '40 days'",
        (expires,),
    )
    outcome = run("sessions", "purge", "--older-than", "1d", "--batch", "7")
    assert outcome.stdout == "Deleted 500 sessions.\n"


def test_a_row_that_somebody_holds_is_passed_over(run: Run, people: People, database_url: str) -> None:
    user = people.user("ada@example.com")
    for expires in ("-40 days", "-2 days"):
        people.session(user, idles="-35 days", expires=expires)
    held = {people.session(user, idles="-35 days", expires=expires) for expires in ("-41 days", "-3 days")}
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM sessions WHERE id = ANY (%s) FOR UPDATE", (list(held),))
        assert run("sessions", "purge", "--batch", "1").stdout == "Deleted 2 sessions.\n"
        assert people.ids() == held
    assert run("sessions", "purge").stdout == "Deleted 2 sessions.\n"


def test_two_at_once_share_the_work(start: Any, people: People) -> None:
    people.many_sessions(20_000, expires="-40 days")
    processes = [start("--batch", "50", "--json") for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    counts = [json.loads(process.lines[-1])["count"] for process in processes]
    assert sum(counts) == 20_000
    assert people.count() == 0


def test_sigterm_ends_it_after_the_batch_and_says_what_was_done(start: Any, people: People) -> None:
    people.many_sessions(50_000, expires="-40 days")
    process = start("--batch", "5", "--json")
    until(lambda: people.count() < 50_000, seconds=20, what="the first batch")
    process.signal(signal.SIGTERM)
    assert process.wait(10) == 143
    entries = [json.loads(line) for line in process.lines]
    done = [entry["count"] for entry in entries if entry["event"] == "sessions_purged"]
    assert done == [50_000 - people.count()]
    assert 0 < done[0] < 50_000
    assert done[0] % 5 == 0
    assert entries[-1]["exit_code"] == 143


def test_sigterm_ends_it_although_the_batch_hangs(
    start: Any, people: People, connection: Connection, database_url: str
) -> None:
    people.many_sessions(10, expires="-40 days")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sessions")
        process = start()
        until(lambda: connection.execute(WAITING).fetchone() == (1,), seconds=20, what="it waits")
        process.signal(signal.SIGTERM)
        assert process.wait(15) == 143
        assert connection.execute(WAITING).fetchone() == (0,)
    assert process.lines[0] == "Deleted 0 sessions."
    assert people.count() == 10


def test_long_work_tells_how_far_it_is(start: Any, people: People) -> None:
    people.many_sessions(50_000, expires="-40 days")
    process = start("--batch", "1")
    until(lambda: "sessions so far" in process.output, seconds=20, what="progress")
    process.signal(signal.SIGINT)
    assert process.wait(10) == 143
    assert process.lines[-2].startswith("Deleted ")
    assert process.lines[-2].endswith(" sessions.")
