"""PostgreSQL away, frozen, restarted, losing connections: what a service that is running does meanwhile."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from psycopg.rows import tuple_row

from app.database.pool import Database
from app.errors import DatabaseUnavailableError
from app.telemetry.metrics import Metrics
from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.outage import PASSWORD, Outage
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

RECOVERY_LIMIT = 5
FREEZE_LIMIT = 10
"""Seconds, both promised in docs."""
ANONYMOUS = {"authenticated": False, "registered": False, "user": None, "expires_at": None}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Outage]:
    outage = Outage(tmp_path)
    try:
        yield outage
    finally:
        outage.end()


@pytest.fixture
def serve(database: Outage) -> Iterator[MakeService]:
    """Starts a service with so many workers, ready to be watched."""
    with ExitStack() as stack:

        def make(workers: int) -> Service:
            service = Service(database_url=database.url, WEB_CONCURRENCY=str(workers))
            stack.callback(service.kill)
            service.wait_until_serving()
            wait_for_workers(service, workers)
            return service

        yield make


def get(service: Service, path: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(f"{service.url}{path}", headers=headers, timeout=30)


def is_back(service: Service, headers: dict[str, str]) -> bool:
    """Whether every worker that missed the database has it again, and 20 requests are answered."""
    if count(service, "Database available again") != count(service, "Database unavailable"):
        return False
    with requests.Session() as browser:
        browser.headers["Connection"] = "close"
        answers = [browser.get(f"{service.url}/auth/session", headers=headers, timeout=30) for _ in range(20)]
    return {answer.status_code for answer in answers} == {200} and get(service, "/health/ready").ok


def seconds_until_back(service: Service, headers: dict[str, str]) -> float:
    began = time.monotonic()
    until(lambda: is_back(service, headers), seconds=30, what="recovery")
    return time.monotonic() - began


def count(service: Service, message: str) -> int:
    return service.messages().count(message)


def worker_pids(service: Service) -> set[int]:
    return {worker.pid for worker in service.workers()}


def test_while_the_database_is_stopped_only_what_needs_it_says_so(
    database: Outage, serve: MakeService
) -> None:
    service = serve(2)
    signed_in = insert_live_session(database.admin_url)
    pids = worker_pids(service)
    assert get(service, "/auth/session", signed_in).json()["authenticated"] is True

    database.stop()
    with Load(service.port, "/auth/session", fresh=6, headers=signed_in, pause=0.01) as load:
        until(lambda: count(service, "Database unavailable") == 2, seconds=30, what="both workers to notice")
        noticed_at = time.monotonic()
        until(lambda: len(load.outcomes) > 200, seconds=30, what="people asking all the time")
    assert load.statuses(since=noticed_at) == {503}
    assert load.lost == []

    refused = get(service, "/auth/session", signed_in)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "database_unavailable"
    assert "Set-Cookie" not in refused.headers
    for headers in ({}, {"Cookie": "__Host-session=no-token"}):
        assert get(service, "/auth/session", headers).json() == ANONYMOUS
    assert get(service, "/health").json()["status"] == "ok"
    until(lambda: get(service, "/health/ready").status_code == 503, seconds=10, what="not ready")
    assert get(service, "/health/ready").json() == {
        "status": "unavailable",
        "checks": {"database": "unavailable", "migrations": "unavailable"},
    }

    database.start()
    assert seconds_until_back(service, signed_in) < RECOVERY_LIMIT
    assert worker_pids(service) == pids
    assert (count(service, "Database unavailable"), count(service, "Database available again")) == (2, 2)
    [cause, _] = [record["cause"] for record in service.records() if "cause" in record]
    assert "Connection refused" in cause
    for secret in (PASSWORD, signed_in["Cookie"].partition("=")[2]):
        assert secret not in service.output


def test_while_the_database_is_frozen_threads_stay_free(database: Outage, serve: MakeService) -> None:
    services = [serve(1), serve(2)]
    signed_in = insert_live_session(database.admin_url)
    with ExitStack() as stack:
        loads = [
            stack.enter_context(
                Load(service.port, "/auth/session", fresh=4, kept=8, headers=signed_in, pause=0.02)
            )
            for service in services
        ]
        until(lambda: all(200 in load.statuses() for load in loads), seconds=20, what="load")
        database.freeze()
        frozen_at = time.monotonic()
        for workers, service in enumerate(services, start=1):
            until(partial(have_noticed, service, workers), seconds=30, what="each worker to notice")
            until(partial(is_quick, service, signed_in), seconds=30, what="quick answers")
        assert time.monotonic() - frozen_at < FREEZE_LIMIT
        for service in services:
            assert sum(is_quick(service, signed_in) for _ in range(10)) >= 9

        database.thaw()
        thawed_at = time.monotonic()
        for service in services:
            seconds_until_back(service, signed_in)
        assert time.monotonic() - thawed_at < RECOVERY_LIMIT
        back_at = time.monotonic()
        until(lambda: all(load.statuses(since=back_at) for load in loads), seconds=20, what="load")
    for load in loads:
        assert load.statuses(since=back_at) == {200}
        assert load.lost == []


def have_noticed(service: Service, workers: int) -> bool:
    return count(service, "Database unavailable") == workers


AT_ONCE = 1.5
"""Seconds; who waits for the database instead waits 3 or 5. At rest, answers take milliseconds."""


def is_quick(service: Service, headers: dict[str, str]) -> bool:
    """Whether /health answers at once, and /auth/session with 503."""
    health, session = get(service, "/health"), get(service, "/auth/session", headers)
    slowest = max(answer.elapsed.total_seconds() for answer in (health, session))
    return (health.status_code, session.status_code) == (200, 503) and slowest < AT_ONCE


def test_a_restart_between_two_requests_is_noticed_by_nobody(database: Outage, serve: MakeService) -> None:
    service = serve(1)
    signed_in = insert_live_session(database.admin_url)
    with Load(service.port, "/auth/session", kept=8, headers=signed_in) as load:
        until(lambda: len(load.outcomes) > 300, seconds=20, what="a pool that has grown")
    database.restart()
    assert get(service, "/auth/session", signed_in).json()["authenticated"] is True

    database.restart()
    logout = requests.post(f"{service.url}/auth/logout", headers=signed_in, timeout=30)
    assert logout.status_code == 204
    assert get(service, "/auth/session", signed_in).json() == ANONYMOUS
    assert count(service, "Database unavailable") == 0


def test_after_a_restart_a_write_gets_a_live_connection_the_first_time(database: Outage) -> None:
    pool = Database(url=database.url, metrics=Metrics(CollectorRegistry()), pool_max=2)
    pool.open()
    try:
        for _ in range(2):
            assert pool.run_once(b"SELECT 1", {}, tuple_row) == [(1,)]
            database.restart()
        assert pool.run_once(b"SELECT 2", {}, tuple_row) == [(2,)]
    finally:
        pool.close()


def test_without_a_thread_to_look_for_the_database_everybody_looks(
    database: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Database(url=database.url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    pool.open()
    try:
        assert pool.run_repeatable(b"SELECT 1", {}, tuple_row) == [(1,)]
        database.stop()
        with monkeypatch.context() as exhausted:
            exhausted.setattr(threading.Thread, "start", cannot_start)
            with pytest.raises(DatabaseUnavailableError):
                pool.run_repeatable(b"SELECT 1", {}, tuple_row)
        database.start()
        assert pool.run_repeatable(b"SELECT 2", {}, tuple_row) == [(2,)]
    finally:
        pool.close()


def cannot_start(_thread: threading.Thread) -> None:
    """As Python does where the system has no thread to give."""
    raise RuntimeError("can't start new thread")


def test_a_connection_that_dies_under_a_read_is_replaced_unnoticed(
    database: Outage, serve: MakeService
) -> None:
    service = serve(1)
    signed_in = insert_live_session(database.admin_url)
    with Load(service.port, "/auth/session", fresh=2, kept=6, headers=signed_in) as load:
        for _ in range(12):
            database.kill_a_connection()
            # A request that meets two such deaths is refused; here each meets one at most.
            until(partial(load.has_answered_all, since=time.monotonic()), seconds=20, what="answers")
    assert load.statuses() == {200}
    assert count(service, "Database unavailable") == 0


def test_readiness_follows_the_ledger(database: Outage, serve: MakeService) -> None:
    service = serve(1)
    assert get(service, "/health/ready").status_code == 200
    with database.connect() as connection:
        connection.execute("CREATE TABLE aside AS SELECT * FROM schema_migrations WHERE version = 1")
        connection.execute("DELETE FROM schema_migrations WHERE version = 1")
        until(lambda: get(service, "/health/ready").status_code == 503, seconds=10, what="pending")
        assert get(service, "/health/ready").json() == {
            "status": "unavailable",
            "checks": {"database": "ok", "migrations": "pending"},
        }
        connection.execute(
            "INSERT INTO schema_migrations SELECT * FROM aside UNION ALL "
            "SELECT (jsonb_populate_record(aside, '{\"version\": 9999}')).* FROM aside"
        )
    until(lambda: get(service, "/health/ready").status_code == 200, seconds=10, what="a database ahead")


def test_a_worker_killed_while_the_database_is_away_comes_back(database: Outage, serve: MakeService) -> None:
    service = serve(1)
    signed_in = insert_live_session(database.admin_url)
    database.stop()
    [victim] = service.workers()
    victim.send_signal(signal.SIGKILL)
    wait_for_workers(service, 1, without=frozenset({victim.pid}))
    assert get(service, "/health").status_code == 200
    assert get(service, "/auth/session", signed_in).status_code == 503
    database.start()
    assert seconds_until_back(service, signed_in) < RECOVERY_LIMIT
