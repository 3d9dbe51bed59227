"""PostgreSQL crashes and comes back, then hangs for a minute."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.limits import RECOVERY_LIMIT
from tests.chaos.people import Person, lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.outage import Outage
from tests.support.service import Service
from tests.support.steady_load import SteadyLoad
from tests.support.workers import wait_for_workers

AWAY = 5.0
FROZEN = 60.0
QUICK_AFTER = 10.0
"""Seconds until nobody waits for a frozen server any more, as docs/operations.md promises."""
QUICK = 3.0
"""Seconds; who waits for the database waits 3 or 5."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Outage]:
    """Durable as an operator's own."""
    outage = Outage(tmp_path, settings={})
    try:
        yield outage
    finally:
        outage.end()


@contextmanager
def loaded(database: Outage) -> Iterator[tuple[Service, SteadyLoad, list[Person]]]:
    """A service of two workers under load; its workers are the same at the end."""
    service = Service(database_url=database.url, WEB_CONCURRENCY="2")
    try:
        service.wait_until_serving()
        pids = {worker.pid for worker in wait_for_workers(service, 2)}
        people = make_people(database.admin_url)
        with SteadyLoad(service.port, people) as load:
            load.run(2)
            yield service, load, people
        assert {worker.pid for worker in service.workers()} == pids
    finally:
        service.kill()


def test_a_crash_of_the_database_is_503_for_those_who_need_it_and_over_soon(
    database: Outage, recording: Recording
) -> None:
    with loaded(database) as (_, load, people):
        database.crash()
        load.run(AWAY)
        database.start()
        recovered = load.seconds_to_recover(time.monotonic(), limit=RECOVERY_LIMIT)
    lost = check(load, database, people)
    assert recovered < RECOVERY_LIMIT
    recording.result("PostgreSQL crashes, away for 5 s", load.answers, lost_rows=lost, recovered=recovered)


def test_a_database_that_hangs_for_a_minute_holds_nobody_up(database: Outage, recording: Recording) -> None:
    with loaded(database) as (_, load, people):
        database.freeze()
        frozen_at = time.monotonic()
        load.run(FROZEN)
        database.thaw()
        thawed_at = time.monotonic()
        recovered = load.seconds_to_recover(thawed_at, limit=RECOVERY_LIMIT)
    lost = check(load, database, people)
    assert recovered < RECOVERY_LIMIT
    later = [answer for answer in load.answers if frozen_at + QUICK_AFTER < answer.sent_at < thawed_at]
    assert len(later) > 0.9 * 100 * (FROZEN - QUICK_AFTER)
    assert max(answer.ended_at - answer.sent_at for answer in later) < QUICK
    recording.result("PostgreSQL hangs for 60 s", load.answers, lost_rows=lost, recovered=recovered)


def check(load: SteadyLoad, database: Outage, people: list[Person]) -> list[str]:
    """Who needs no database was answered, others were told 503, and what was promised is kept."""
    assert {answer.status for answer in load.failed} == {503}
    assert [answer for answer in load.failed if answer.wrong or answer.path == "/health"] == []
    lost = lost_rows(database.admin_url, people)
    assert lost == []
    return lost
