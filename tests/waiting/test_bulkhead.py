"""Some requests of a worker stay out of what hangs, and nobody is refused while it is well."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from app.settings.config import REQUESTS_PER_THREAD
from app.waiting.bulkhead import PATIENCE, Bulkhead, BulkheadFullError
from tests.support.live_session import insert_live_session
from tests.support.service import Service
from tests.support.waiting import until

AT_ONCE = REQUESTS_PER_THREAD
HOLD = 4.0
"""Seconds that a lock holds the statements up: less than their deadline, so the circuit stays closed."""


class Stage:
    """A bulkhead, and a clock that stands still until the test moves it."""

    def __init__(self, places: int) -> None:
        self.now = 0.0
        self.bulkhead = Bulkhead(places, clock=lambda: self.now)

    def fill_with_slow_ones(self) -> list[float]:
        """When each of two entered, who are inside for too long now."""
        inside = [self.bulkhead.enter(), self.bulkhead.enter()]
        self.now += 2 * PATIENCE
        return inside


def test_while_all_inside_are_slow_the_next_one_is_refused() -> None:
    stage = Stage(places=2)
    first, second = stage.fill_with_slow_ones()
    with pytest.raises(BulkheadFullError):
        stage.bulkhead.enter()
    stage.bulkhead.leave(first)
    stage.bulkhead.leave(second)
    stage.bulkhead.enter()


def test_a_slow_one_that_leaves_makes_nobody_wait_for_the_other_slow_ones() -> None:
    stage = Stage(places=2)
    first, _ = stage.fill_with_slow_ones()
    stage.bulkhead.leave(first)
    stage.bulkhead.enter()
    with pytest.raises(BulkheadFullError):
        stage.bulkhead.enter()


def test_a_quick_one_beside_those_that_hang_gives_no_new_patience() -> None:
    stage = Stage(places=2)
    first, _ = stage.fill_with_slow_ones()
    stage.bulkhead.leave(first)
    # As a sign-in does: a call that asks nobody, then one that hangs.
    stage.bulkhead.leave(stage.bulkhead.enter())
    stage.bulkhead.enter()
    with pytest.raises(BulkheadFullError):
        stage.bulkhead.enter()


def test_nobody_waits_longer_than_they_want() -> None:
    stage = Stage(places=1)
    stage.bulkhead.enter()
    with pytest.raises(BulkheadFullError):
        stage.bulkhead.enter(until=stage.now)


def test_one_slow_statement_refuses_nobody_while_others_end() -> None:
    stage = Stage(places=2)
    stage.bulkhead.enter()
    stage.now = 2 * PATIENCE
    stage.bulkhead.leave(stage.bulkhead.enter())
    quick = stage.bulkhead.enter()
    threading.Timer(0.05, stage.bulkhead.leave, [quick]).start()
    stage.bulkhead.enter()


def test_beside_a_slow_one_that_nobody_met_the_others_are_new() -> None:
    stage = Stage(places=2)
    stage.bulkhead.enter()
    stage.now = 100 * PATIENCE
    quick = stage.bulkhead.enter()
    threading.Timer(0.05, stage.bulkhead.leave, [quick]).start()
    stage.bulkhead.enter()


def test_after_a_slow_one_that_left_others_room_the_next_ones_are_new() -> None:
    stage = Stage(places=2)
    slow = stage.bulkhead.enter()
    stage.now = 2 * PATIENCE
    stage.bulkhead.leave(slow)
    quick, _ = stage.bulkhead.enter(), stage.bulkhead.enter()
    threading.Timer(0.05, stage.bulkhead.leave, [quick]).start()
    stage.bulkhead.enter()


def test_who_waited_in_vain_is_refused() -> None:
    bulkhead = Bulkhead(1, patience=0.05)
    bulkhead.enter()
    with pytest.raises(BulkheadFullError):
        bulkhead.enter()


def test_places_go_to_those_who_have_waited_longest() -> None:
    bulkhead = Bulkhead(1, patience=5.0)
    inside = bulkhead.enter()
    order: list[int] = []

    def pass_through(number: int) -> None:
        entered_at = bulkhead.enter()
        order.append(number)
        bulkhead.leave(entered_at)

    with ThreadPoolExecutor() as pool:
        for number in range(5):
            pool.submit(pass_through, number)
            until(lambda number=number: bulkhead.waiting == number + 1, seconds=5, what="a queue")  # type: ignore[misc]
        bulkhead.leave(inside)
    assert order == [0, 1, 2, 3, 4]
    assert bulkhead.waiting == 0


def test_without_patience_to_lose_the_time_alone_counts() -> None:
    bulkhead = Bulkhead(1, patience=math.inf)
    bulkhead.enter()
    began = time.monotonic()
    with pytest.raises(BulkheadFullError):
        bulkhead.enter(until=began + 0.05)
    assert time.monotonic() - began >= 0.05


def test_an_only_thread_is_always_admitted(database_url: str, make_service: Callable[..., Service]) -> None:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS="1", WORKER_CLASS="gthread")
    service.wait_until_serving()
    signed_in = insert_live_session(database_url)
    for _ in range(2):
        answer = requests.get(f"{service.url}/auth/session", headers=signed_in, timeout=30)
        assert answer.json()["authenticated"] is True


def test_health_answers_while_every_statement_waits_for_a_lock(
    database_url: str, make_service: Callable[..., Service]
) -> None:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS="1")
    service.wait_until_serving()
    signed_in = insert_live_session(database_url)
    with ThreadPoolExecutor() as clients, psycopg.connect(database_url) as blocker:
        blocker.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        asked = [
            clients.submit(requests.get, f"{service.url}/auth/session", headers=signed_in, timeout=30)
            for _ in range(2 * AT_ONCE)
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
