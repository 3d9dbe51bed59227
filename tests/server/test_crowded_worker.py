"""More idle connections than a worker may have, or has open files for."""

import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.service import ROOT, Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
OPEN_FILES = 140
"""Of which a worker keeps 64, and two for each thread, to itself."""
CLIENTS = 200
QUICK = 5.0
"""Seconds: one until the silent make room, and slack; they may be silent for ten."""


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """One worker that may open few files."""
    command = ("/usr/bin/prlimit", f"--nofile={OPEN_FILES}", str(ROOT / "bin" / "start"))
    service = make_service(WEB_CONCURRENCY="1", command=command)
    service.wait_until_serving()
    return service


def test_silent_connections_make_room_before_a_worker_is_full(service: Service, database_url: str) -> None:
    [worker] = wait_for_workers(service, 1)
    session = insert_live_session(database_url)
    with ExitStack() as stack, Load(service.port, "/auth/session", fresh=8, headers=session) as load:
        until(lambda: load.has_answered_all(since=0), seconds=20, what="load")
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 10))
        asked = len(load.outcomes)
        until(lambda: len(load.outcomes) > asked + 200, seconds=20, what="load beside the silent")
    assert load.statuses() == {200}
    assert max(outcome.seconds for outcome in load.outcomes) < QUICK
    assert service.workers() == [worker]


def test_the_longest_idle_kept_connections_make_room(service: Service) -> None:
    [worker] = wait_for_workers(service, 1)
    with ExitStack() as stack:
        kept = []
        for _ in range(CLIENTS):
            began = time.monotonic()
            kept.append(stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 10)))
            assert ask(kept[-1])
            assert time.monotonic() - began < QUICK
        until(lambda: is_kept(service.port), seconds=10, what="a newcomer's connection to be kept")
        assert not ask(kept[0])
    assert service.workers() == [worker]
    assert "Client too slow" not in service.messages()


@pytest.mark.parametrize("sent", [b"GET /health HTTP/1.1\r\nHost:", REQUEST * 3 + b"G", b"\r\n"])
def test_clients_that_stop_in_the_midst_of_a_request_make_room(service: Service, sent: bytes) -> None:
    wait_for_workers(service, 1)
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 10))
            client.sendall(sent)
        began = time.monotonic()
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", service.port), 10) as newcomer:
                assert ask(newcomer)
        assert time.monotonic() - began < QUICK


def test_a_stop_answers_as_many_as_it_has_open_files_for(service: Service) -> None:
    [worker] = wait_for_workers(service, 1)
    worker.suspend()
    with ExitStack() as stack:
        waiting = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 10))
            for _ in range(CLIENTS)
        ]
        for connection in waiting:
            connection.sendall(REQUEST)
        service.signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in service.output, seconds=10, what="the signal")
        worker.resume()
        answered = [connection for connection in waiting if is_answered(connection)]
    assert len(answered) > OPEN_FILES / 2
    assert service.wait() == 0
    assert "Exception in worker process" not in service.output


def is_kept(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        return all(ask(connection) for _ in range(2))


def ask(connection: socket.socket) -> bool:
    """Whether the service still answers there."""
    try:
        connection.sendall(REQUEST)
        return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except (BrokenPipeError, ConnectionResetError):
        return False


def is_answered(connection: socket.socket) -> bool:
    try:
        return connection.recv(12) == b"HTTP/1.1 200"
    except ConnectionResetError:
        return False
