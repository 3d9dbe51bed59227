"""ops/caddy/Caddyfile in a real Caddy, before two real replicas."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.support.compose_proxy import ComposeProxy
from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.outside_server import OutsideServer
from tests.support.service import Service
from tests.support.waiting import until

MakeService = Callable[..., Service]
CutOff = Callable[[dict[str, str]], bytes]

pytestmark = pytest.mark.full

THREADS = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "2"}
SLOW_CLIENTS = 20
PATIENCE = 2.0
"""Seconds in which a service with a free thread answers."""


@pytest.fixture
def replicas(make_service: MakeService) -> tuple[Service, Service]:
    pair = (make_service(**THREADS), make_service(**THREADS))
    for replica in pair:
        replica.wait_until_serving()
    return pair


@pytest.fixture
def proxy(replicas: tuple[Service, Service], tmp_path: Path) -> Iterator[OutsideServer]:
    with ComposeProxy([replica.port for replica in replicas], folder=tmp_path) as server:
        yield server


def cut_off_in_its_headers(session: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in session.items())
    # By another name the proxy would answer itself, with nothing.
    return f"POST /auth/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}".encode()


def cut_off_in_its_body(session: dict[str, str]) -> bytes:
    """More of it than a proxy holds back by chance (Go's clients: 4 KiB), less than the service takes."""
    head = b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    return cut_off_in_its_headers(session) + head + b'{"name": "' + b"x" * 20_000


CUT_OFF = (cut_off_in_its_headers, cut_off_in_its_body)


def answers_among_slow_clients(port: int, request: bytes) -> bool:
    """Whether somebody is answered while others have sent that much of a request each, and say no more."""
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            client.sendall(request)
        try:
            return requests.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE).status_code == 200
        except requests.Timeout:
            return False


@pytest.mark.parametrize("cut_off", CUT_OFF)
def test_slow_clients_hold_no_thread_of_a_service_without_a_proxy(
    cut_off: CutOff, replicas: tuple[Service, Service], database_url: str
) -> None:
    assert answers_among_slow_clients(replicas[0].port, cut_off(insert_live_session(database_url)))


@pytest.mark.parametrize("cut_off", CUT_OFF)
def test_slow_clients_hold_no_thread_through_the_proxy(
    cut_off: CutOff, proxy: OutsideServer, database_url: str
) -> None:
    assert answers_among_slow_clients(proxy.port, cut_off(insert_live_session(database_url)))


def test_nobody_notices_that_a_replica_stops(
    proxy: OutsideServer, replicas: tuple[Service, Service], database_url: str
) -> None:
    session = insert_live_session(database_url)
    with Load(proxy.port, "/auth/session", fresh=2, kept=2, headers=session) as load:
        until(lambda: load.has_answered_all(since=0), seconds=20, what="an answer for everybody")
        replicas[0].signal(signal.SIGTERM)
        assert replicas[0].wait(40) == 0
        stopped_at = time.monotonic()
        until(lambda: load.has_answered_all(since=stopped_at), seconds=20, what="an answer for everybody")
    assert load.statuses() == {200}


def test_the_metrics_stay_inside(proxy: OutsideServer) -> None:
    assert requests.get(f"http://127.0.0.1:{proxy.port}/metrics", timeout=5).status_code == 404
