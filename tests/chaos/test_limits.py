"""How many clients that send or read slowly a worker endures by itself, and behind a proxy."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.fronts import PROXIES, STRAIGHT, Proxy, front, is_answered
from tests.chaos.recording import Recording
from tests.support.live_session import insert_live_session
from tests.support.service import Service
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

THREADS = 8
MANY = 200
KINDS = ("headers that do not end", "bodies that do not end")


def request_of(kind: str, session: dict[str, str]) -> bytes:
    """What such a client sends before it falls silent."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "api", **session}.items())
    if kind == "headers that do not end":
        return f"GET /auth/session HTTP/1.1\r\n{lines}".encode()
    head = "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    return f"POST /auth/tokens HTTP/1.1\r\n{lines}{head}".encode() + b'{"name": "' + b"x" * 20_000


def open_client(port: int, request: bytes, stack: ExitStack) -> None:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
    client.sendall(request)


@pytest.fixture
def one_worker(make_service: MakeService) -> Service:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS))
    service.wait_until_serving()
    wait_for_workers(service, 1)
    return service


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_hold_up_nobody_without_a_proxy(
    one_worker: Service, database_url: str, kind: str, recording: Recording
) -> None:
    request = request_of(kind, insert_live_session(database_url))
    with ExitStack() as stack:
        for _ in range(MANY):
            open_client(one_worker.port, request, stack)
        assert all(is_answered(one_worker.port) for _ in range(5))
    recording.limit(kind, STRAIGHT, THREADS, f"{MANY}, as many as were tried")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("proxy", PROXIES, ids=str)
def test_behind_a_proxy_they_hold_up_nobody(
    one_worker: Service, database_url: str, tmp_path: Path, kind: str, proxy: Proxy, recording: Recording
) -> None:
    request = request_of(kind, insert_live_session(database_url))
    with front(proxy.name, one_worker, tmp_path) as port, ExitStack() as stack:
        for _ in range(MANY):
            open_client(port, request, stack)
        assert all(is_answered(port) for _ in range(5))
    recording.limit(kind, proxy.name, THREADS, f"{MANY}, as many as were tried")
