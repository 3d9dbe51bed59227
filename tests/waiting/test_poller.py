"""Both pollers do what a loop needs."""

import os
import socket
from contextlib import ExitStack

import pytest

from app.waiting.poller import IN, ONE_SHOT, OUT, READ, WRITE, Poller, SelectorPoller, make_poller
from tests.waiting.conftest import Pair

SOON = 0.1
MOST = 100


@pytest.fixture(params=[make_poller, SelectorPoller])
def poller(request: pytest.FixtureRequest) -> Poller:
    made: Poller = request.param()
    return made


def told(poller: Poller) -> list[int]:
    """The descriptors that it tells of within a moment."""
    return sorted(fd for fd, _ in poller.poll(SOON, MOST))


def test_tells_once_until_it_is_asked_again(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.register(ours.fileno(), READ)
    theirs.send(b"a")
    assert told(poller) == [ours.fileno()]
    assert told(poller) == []
    poller.modify(ours.fileno(), READ)
    assert told(poller) == [ours.fileno()]


def test_tells_of_room_to_write(poller: Poller, pair: Pair) -> None:
    poller.register(pair[0].fileno(), READ)
    assert told(poller) == []
    poller.modify(pair[0].fileno(), WRITE)
    assert told(poller) == [pair[0].fileno()]


def test_tells_of_either(poller: Poller, pair: Pair) -> None:
    poller.register(pair[0].fileno(), IN | OUT | ONE_SHOT)
    assert told(poller) == [pair[0].fileno()]


def test_what_was_unregistered_is_not_told_of(poller: Poller, pair: Pair) -> None:
    ours, theirs = pair
    poller.register(ours.fileno(), READ)
    poller.unregister(ours.fileno())
    theirs.send(b"a")
    assert told(poller) == []
    poller.register(ours.fileno(), READ)
    assert told(poller) == [ours.fileno()]


def test_a_connection_that_was_shut_down_is_told_of(poller: Poller, pair: Pair) -> None:
    poller.register(pair[0].fileno(), READ)
    pair[0].shutdown(socket.SHUT_RDWR)
    assert told(poller) == [pair[0].fileno()]


def test_what_is_not_one_shot_is_told_of_as_long_as_it_is_ready(poller: Poller) -> None:
    over, tell = os.pipe()
    poller.register(over, IN)
    os.write(tell, b".")
    assert told(poller) == told(poller) == [over]
    os.close(tell)
    os.close(over)


def test_a_closed_descriptor_is_forgotten_with_its_number(poller: Poller, pair: Pair) -> None:
    with socket.socket() as gone:
        number = gone.fileno()
        poller.register(number, READ)
        told(poller)
    os.dup2(pair[0].fileno(), number)
    poller.register(number, READ)
    pair[1].send(b"a")
    assert told(poller) == [number]
    os.close(number)


def test_many_at_once(poller: Poller) -> None:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(50)]
        for pair in pairs:
            stack.enter_context(pair[0])
            stack.enter_context(pair[1])
            poller.register(pair[0].fileno(), READ)
        for pair in pairs:
            pair[1].send(b"a")
        first = [fd for fd, _ in poller.poll(SOON, 20)]
        assert len(first) == 20
        assert sorted(first + told(poller)) == sorted(pair[0].fileno() for pair in pairs)
