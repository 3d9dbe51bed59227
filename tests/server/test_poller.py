"""Both pollers do what the worker needs, also where threads change what another thread waits for."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from app.server.poller import IN, READ, WRITE, Poller, SelectorPoller, make_poller

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[make_poller, SelectorPoller])
def poller(request: pytest.FixtureRequest) -> Poller:
    made: Poller = request.param()
    return made


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        ours, theirs = socket.socketpair()
        yield stack.enter_context(ours), stack.enter_context(theirs)


def poll_in_a_thread(poller: Poller, times: int = 1) -> SimpleQueue[int]:
    """The descriptors that it tells of."""
    told: SimpleQueue[int] = SimpleQueue()

    def run() -> None:
        for _ in range(times):
            told.put(poller.poll(-1, 1)[0][0])

    threading.Thread(target=run, daemon=True).start()
    return told


def is_silent(told: SimpleQueue[int]) -> bool:
    threading.Event().wait(0.1)
    return told.empty()


def test_tells_once_until_it_is_asked_again(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.register(ours.fileno(), READ)
    theirs.send(b"a")
    told = poll_in_a_thread(poller, times=2)
    assert told.get(timeout=5) == ours.fileno()
    assert is_silent(told)
    poller.modify(ours.fileno(), READ)
    assert told.get(timeout=5) == ours.fileno()


def test_a_change_reaches_a_thread_that_already_waits(poller: Poller, pair: Pair) -> None:
    told = poll_in_a_thread(poller)
    assert is_silent(told)
    poller.register(pair[0].fileno(), WRITE)
    assert told.get(timeout=5) == pair[0].fileno()


def test_what_was_unregistered_is_not_told_of(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.register(ours.fileno(), READ)
    told = poll_in_a_thread(poller)
    poller.unregister(ours.fileno())
    theirs.send(b"a")
    assert is_silent(told)
    poller.register(ours.fileno(), READ)
    assert told.get(timeout=5) == ours.fileno()


def test_a_connection_that_was_shut_down_is_told_of(poller: Poller, pair: Pair) -> None:
    poller.register(pair[0].fileno(), READ)
    told = poll_in_a_thread(poller)
    pair[0].shutdown(socket.SHUT_RDWR)
    assert told.get(timeout=5) == pair[0].fileno()


def test_what_is_not_one_shot_wakes_every_thread(poller: Poller) -> None:
    over, tell = os.pipe()
    poller.register(over, IN)
    all_told = [poll_in_a_thread(poller) for _ in range(3)]
    os.close(tell)
    assert [told.get(timeout=5) for told in all_told] == [over] * 3
    os.close(over)


def test_many_threads_share_many_descriptors(poller: Poller) -> None:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(50)]
        for pair in pairs:
            stack.enter_context(pair[0])
            stack.enter_context(pair[1])
            poller.register(pair[0].fileno(), READ)
        all_told = [poll_in_a_thread(poller, times=10) for _ in range(5)]
        for pair in pairs:
            pair[1].send(b"a")
        seen = sorted(told.get(timeout=5) for told in all_told for _ in range(10))
        assert seen == sorted(pair[0].fileno() for pair in pairs)
