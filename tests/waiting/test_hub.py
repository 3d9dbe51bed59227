"""While one greenlet waits, the others go on; other threads wait as ever."""

import contextvars
import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.waiting.hub import NoThreadError
from app.waiting.poller import IN
from tests.support.echoing import echoing
from tests.support.loop import SECONDS, Loop
from tests.waiting.conftest import Pair


def test_a_greenlet_waits_for_a_socket_while_another_goes_on(loop: Loop, pair: Pair) -> None:
    ours, theirs = pair
    loop.start(lambda: loop.hub.await_socket(ours.fileno(), IN, math.inf) and ours.recv(10))
    loop.start(lambda: theirs.send(b"hello"))
    assert loop.said == [5]
    loop.run_until(lambda: len(loop.said) == 2)
    assert loop.said == [5, b"hello"]


def test_who_waits_in_vain_goes_on_at_the_deadline_and_may_wait_again(loop: Loop, pair: Pair) -> None:
    ours, theirs = pair

    def wait_twice() -> tuple[bool, bool]:
        first = loop.hub.await_socket(ours.fileno(), IN, time.monotonic() + 0.01)
        theirs.send(b".")
        return first, loop.hub.await_socket(ours.fileno(), IN, time.monotonic() + SECONDS)

    loop.start(wait_twice)
    loop.run_until(lambda: bool(loop.said))
    assert loop.said == [(False, True)]


def test_a_socket_whose_number_was_used_before(loop: Loop) -> None:
    for _ in range(2):
        ours, theirs = socket.socketpair()
        theirs.send(b".")
        loop.start(lambda sock=ours: loop.hub.await_socket(sock.fileno(), IN, math.inf))  # type: ignore[misc]
        loop.run_until(lambda: loop.said == [True])
        loop.said.clear()
        ours.close()
        theirs.close()


def test_the_nearest_deadline_comes_first(loop: Loop) -> None:
    began = time.monotonic()
    for seconds in (0.2, 0.05, 0.1):
        loop.start(lambda seconds=seconds: loop.hub.event().wait(seconds) or seconds)  # type: ignore[misc]
    loop.run_until(lambda: len(loop.said) == 3)
    assert loop.said == [0.05, 0.1, 0.2]
    assert time.monotonic() - began >= 0.2


def test_what_blocks_runs_in_a_thread(loop: Loop) -> None:
    goes_on = threading.Event()
    loop.start(lambda: loop.hub.in_thread(goes_on.wait, SECONDS))
    loop.start(goes_on.set)
    assert loop.said == [None]
    loop.run_until(lambda: loop.said == [None, True])


def test_a_thread_has_the_context_of_its_greenlet(loop: Loop) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    def ask() -> str:
        name.set("a request")
        return loop.hub.in_thread(name.get)

    loop.start(ask)
    loop.run_until(lambda: loop.said == ["a request"])


def test_an_error_in_a_thread_is_the_callers(loop: Loop) -> None:
    def ask() -> str:
        with pytest.raises(ZeroDivisionError):
            loop.hub.in_thread(lambda: 1 / 0)
        return "raised"

    loop.start(ask)
    loop.run_until(lambda: loop.said == ["raised"])


def test_a_stop_waits_for_no_thread(loop: Loop) -> None:
    loop.start(lambda: loop.hub.in_thread(lambda: threading.current_thread().daemon))
    loop.run_until(lambda: loop.said == [True])


def test_without_a_thread_nothing_is_called(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def ask() -> str:
        with pytest.raises(NoThreadError):
            loop.hub.in_thread(called.set)
        return "refused"

    called = threading.Event()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    loop.start(ask)
    assert loop.said == ["refused"]
    assert not called.is_set()


def test_an_event_set_by_another_greenlet_or_before_anybody_waits(loop: Loop) -> None:
    events = []

    def wait(*, is_set: bool) -> bool:
        events.append(loop.hub.event())
        if is_set:
            events[-1].set()
        return events[-1].wait(SECONDS)

    loop.start(lambda: wait(is_set=False))
    loop.start(lambda: wait(is_set=True))
    assert loop.said == [True]
    loop.start(events[0].set)
    loop.run_until(lambda: loop.said == [True, None, True])


def test_an_event_set_too_late_wakes_nobody_else(loop: Loop) -> None:
    def wait_for_two() -> tuple[bool, bool]:
        late = loop.hub.event()
        first = late.wait(0.01)
        late.set()
        return first, loop.hub.event().wait(0.1)

    loop.start(wait_for_two)
    loop.run_until(lambda: loop.said == [(False, False)])


def test_many_threads_set_many_events(loop: Loop) -> None:
    for number in range(200):
        loop.start(lambda number=number: loop.hub.in_thread(lambda: number))  # type: ignore[misc]
    loop.run_until(lambda: len(loop.said) == 200)
    assert sorted(loop.said) == list(range(200))  # type: ignore[type-var]


def test_other_threads_and_the_loop_itself_block(loop: Loop) -> None:
    def thread() -> tuple[int, bool]:
        return loop.hub.in_thread(threading.get_ident), isinstance(loop.hub.event(), threading.Event)

    assert thread() == (threading.get_ident(), True)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(thread).result() == (pool.submit(threading.get_ident).result(), True)


def test_a_worker_serves_others_while_some_wait() -> None:
    with echoing(ECHO_WORKER="app.server.worker.Worker") as port, ThreadPoolExecutor(7) as pool:
        url = f"http://127.0.0.1:{port}"
        waiting = [pool.submit(requests.get, f"{url}/wait", timeout=30) for _ in range(7)]
        while sum(future.running() for future in waiting) < len(waiting):
            time.sleep(0.01)
        assert requests.get(f"{url}/tell", timeout=20).status_code == 200
        assert [future.result().status_code for future in waiting] == [200] * 7
