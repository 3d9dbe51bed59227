"""The last free thread of a worker stays out of a database that hangs."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from app.errors import DatabaseUnavailableError
from app.threads.bulkhead import PATIENCE, Bulkhead
from tests.support.live_session import insert_live_session
from tests.support.service import Service
from tests.support.waiting import until

THREADS = 3
HOLD = 4.0
"""Seconds that a lock holds the statements up: less than their deadline, so the circuit stays closed."""


def hold(bulkhead: Bulkhead, begun: threading.Barrier, end: threading.Event) -> None:
    bulkhead.enter()
    begun.wait(5)
    end.wait(5)
    bulkhead.leave()


def test_the_last_thread_is_refused_once_the_first_one_inside_is_late() -> None:
    now = [0.0]
    bulkhead = Bulkhead(THREADS, clock=lambda: now[0])
    begun, end = threading.Barrier(THREADS), threading.Event()
    with ThreadPoolExecutor() as others:
        inside = [others.submit(hold, bulkhead, begun, end) for _ in range(THREADS - 1)]
        begun.wait(5)
        now[0] = 2 * PATIENCE
        with pytest.raises(DatabaseUnavailableError):
            bulkhead.enter()
        end.set()
        for future in inside:
            future.result(5)
    bulkhead.enter()


def test_one_slow_statement_refuses_nobody_while_others_end() -> None:
    now = [0.0]
    bulkhead = Bulkhead(THREADS, clock=lambda: now[0])
    begun, slow_end, end = threading.Barrier(2), threading.Event(), threading.Event()
    with ThreadPoolExecutor() as others:
        slow = others.submit(hold, bulkhead, begun, slow_end)
        begun.wait(5)
        now[0] = 2 * PATIENCE
        bulkhead.enter()
        bulkhead.leave()
        quick = others.submit(hold, bulkhead, begun, end)
        begun.wait(5)
        threading.Timer(0.05, end.set).start()
        bulkhead.enter()
        slow_end.set()
        for future in (slow, quick):
            future.result(5)


def test_while_the_others_are_quick_the_last_thread_waits_for_a_place() -> None:
    bulkhead = Bulkhead(2, clock=lambda: 0.0)
    begun, end = threading.Barrier(2), threading.Event()
    with ThreadPoolExecutor() as others:
        other = others.submit(hold, bulkhead, begun, end)
        begun.wait(5)
        threading.Timer(0.05, end.set).start()
        bulkhead.enter()
        other.result(5)


def test_an_only_thread_is_always_admitted() -> None:
    bulkhead = Bulkhead(1)
    for _ in range(2):
        bulkhead.enter()
        bulkhead.leave()


def test_health_answers_while_every_statement_waits_for_a_lock(
    database_url: str, make_service: Callable[..., Service]
) -> None:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS))
    service.wait_until_serving()
    signed_in = insert_live_session(database_url)
    with ThreadPoolExecutor() as clients, psycopg.connect(database_url) as blocker:
        blocker.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        asked = [
            clients.submit(requests.get, f"{service.url}/auth/session", headers=signed_in, timeout=30)
            for _ in range(2 * THREADS)
        ]
        until(lambda: any(answer.done() for answer in asked), seconds=HOLD, what="a refusal")
        assert requests.get(f"{service.url}/health", timeout=30).status_code == 200
        # Of those who wait for the lock nobody has an answer yet.
        assert not all(answer.done() for answer in asked)
        blocker.rollback()
        answers = [answer.result() for answer in asked]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert {answer.json()["code"] for answer in refused} == {"database_unavailable"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
