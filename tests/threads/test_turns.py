"""Turns: few threads look for requests at a time, and nobody keeps a turn while it waits."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.threads.turns import Turns
from tests.support.echoing import echoing
from tests.support.waiting import until


class Taker:
    """A thread that takes a turn, then waits to be told to go on."""

    def __init__(self, turns: Turns) -> None:
        self.has_turn = threading.Event()
        self.goes_on = threading.Event()
        self._turns = turns
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self._turns.take()
        self._turns.begin()
        self.has_turn.set()
        self.goes_on.wait(10)
        self._turns.give_up()


def test_no_more_threads_than_turns() -> None:
    turns = Turns(2)
    takers = [Taker(turns) for _ in range(4)]
    until(lambda: sum(taker.has_turn.is_set() for taker in takers) == 2, seconds=5, what="two turns")
    time.sleep(0.1)
    assert sum(taker.has_turn.is_set() for taker in takers) == 2
    for taker in takers:
        taker.goes_on.set()
    until(lambda: all(taker.has_turn.is_set() for taker in takers), seconds=5, what="a turn for each")


def test_a_thread_keeps_its_turn() -> None:
    turns = Turns(1)
    for _ in range(3):
        turns.take()
        turns.begin()
    other = Taker(turns)
    assert not other.has_turn.wait(0.1)
    turns.give_up()
    assert other.has_turn.wait(5)


def test_a_turn_given_up_twice_is_one_turn() -> None:
    turns = Turns(1)
    turns.take()
    turns.give_up()
    turns.give_up()
    first, second = Taker(turns), Taker(turns)
    until(lambda: first.has_turn.is_set() or second.has_turn.is_set(), seconds=5, what="a turn")
    time.sleep(0.1)
    assert first.has_turn.is_set() != second.has_turn.is_set()
    for taker in (first, second):
        taker.goes_on.set()


def test_a_thread_without_a_turn_has_none_to_give_up() -> None:
    turns = Turns(1)
    turns.give_up()
    turns.begin()
    turns.take()
    assert not Taker(turns).has_turn.wait(0.1)


def test_only_a_long_request_loses_its_turn() -> None:
    turns = Turns(1)
    turns.take()
    other = Taker(turns)
    turns.take_back(0)
    assert not other.has_turn.wait(0.1), "it looks for a request"
    turns.begin()
    turns.take_back(60)
    assert not other.has_turn.wait(0.1), "its request is new"
    turns.take_back(0)
    assert other.has_turn.wait(5)


def test_others_are_served_while_some_wait_and_do_not_tell() -> None:
    with echoing(ECHO_WORKER="app.server.worker.Worker") as port, ThreadPoolExecutor(7) as pool:
        url = f"http://127.0.0.1:{port}"
        waiting = [pool.submit(requests.get, f"{url}/wait", timeout=30) for _ in range(7)]
        while sum(future.running() for future in waiting) < len(waiting):
            time.sleep(0.01)
        assert requests.get(f"{url}/tell", timeout=20).status_code == 200
        assert [future.result().status_code for future in waiting] == [200] * 7


def test_taking_back_makes_no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1)
    turns.take()

    def taken_back_meanwhile() -> float:
        turns.give_up()
        return 0.0

    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", taken_back_meanwhile)
        turns.begin()
    turns.give_up()
    first, second = Taker(turns), Taker(turns)
    until(lambda: first.has_turn.is_set() or second.has_turn.is_set(), seconds=5, what="a turn")
    assert not (first.has_turn.wait(0.1) and second.has_turn.wait(0.1))
