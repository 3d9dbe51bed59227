"""Which connections a worker closes where there are too many, or too many bytes wait."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.server.connection import Connection
from app.server.crowd import choose_holding


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    """Five, each with ten bytes that wait; the last one is the newest."""
    with ExitStack() as stack:
        made = []
        for age in range(5, 0, -1):
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            made.append(Connection(ours, "", "", patience=10))
            made[-1].received = b"GET / HTTP"
            made[-1].since -= age
        yield made


@pytest.mark.parametrize(("most", "closed"), [(50, 0), (49, 1), (40, 1), (39, 2), (0, 5)])
def test_the_longest_waiting_go_until_the_rest_fits(
    connections: list[Connection], most: int, closed: int
) -> None:
    assert choose_holding(connections, most) == connections[:closed]


def test_requests_that_are_being_answered_stay(connections: list[Connection]) -> None:
    connections[0].is_waiting = False
    assert connections[0] not in choose_holding(connections, 0)


def test_a_connection_knows_of_a_request_that_nobody_has_read() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        conn = Connection(ours, "", "", patience=10)
        assert not conn.has_input()
        theirs.send(b"GET / HTTP/1.1")
        assert conn.has_input()
        conn.receive()
        assert (conn.has_input(), conn.received) == (False, b"GET / HTTP/1.1")
        theirs.close()
        assert not conn.has_input()
    assert not conn.has_input()
