"""Clients that begin a request and do not go on, without a proxy that would wait in the service's place."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest
import requests

from app.settings.config import REQUESTS_PER_THREAD
from tests.support.live_session import insert_live_session
from tests.support.service import Service
from tests.support.waiting import until

AT_ONCE = REQUESTS_PER_THREAD
HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Half:"
CHUNKED = b"POST /auth/logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALLEST_CHUNK = b"1\r\nx\r\n"
END_OF_CHUNKS = b"0\r\n\r\n"
LOOKS_LIKE_THE_END = b"4\r\n\r\n\r\n\r\n"
UNWANTED_BODY = b"POST /auth/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS="1")
    service.wait_until_serving()
    return service


@contextmanager
def clients(service: Service, count: int, request: bytes) -> Iterator[list[socket.socket]]:
    """So many that have sent this."""
    with ExitStack() as stack:
        address = ("127.0.0.1", service.port)
        sockets = [stack.enter_context(socket.create_connection(address, 90)) for _ in range(count)]
        for client in sockets:
            client.sendall(request)
        yield sockets


def test_who_promises_a_body_and_is_answered_without_it_holds_up_nobody(service: Service) -> None:
    with clients(service, 12, UNWANTED_BODY) as promising:
        began = time.monotonic()
        assert requests.get(f"{service.url}/health", timeout=60).status_code == 200
        # gunicorn's own worker waits 5 s for each body: 30 s.
        assert time.monotonic() - began < 5
        assert [client.recv(12) for client in promising] == [b"HTTP/1.1 204"] * len(promising)


def test_half_a_head_is_cut_off_after_some_seconds(service: Service) -> None:
    with clients(service, AT_ONCE, HALF_A_HEAD) as halfway:
        assert requests.get(f"{service.url}/health", timeout=60).status_code == 200
        assert [client.recv(1) for client in halfway] == [b""] * AT_ONCE
    until(lambda: service.messages().count("Client too slow") == AT_ONCE, seconds=5, what="the log to say so")


@pytest.mark.full
def test_half_a_body_is_cut_off_after_a_minute(service: Service, database_url: str) -> None:
    head = {
        "Host": "localhost",
        "Origin": "https://app.example.com",
        "Content-Type": "application/json",
        "Content-Length": "9",
        **insert_live_session(database_url),
    }
    lines = ["PATCH /auth/user HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", "{"]
    with clients(service, AT_ONCE, "\r\n".join(lines).encode()) as halfway:
        until(lambda: service.messages().count("Client too slow") == AT_ONCE, seconds=90, what="an end")
        assert requests.get(f"{service.url}/health", timeout=10).status_code == 200
        assert [client.recv(1) for client in halfway] == [b""] * AT_ONCE


def test_requests_sent_ahead_are_not_read_ahead(service: Service) -> None:
    [worker] = service.workers()
    ahead = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    before = worker.memory_info().rss
    with socket.create_connection(("127.0.0.1", service.port), 30) as client:
        reading = threading.Thread(target=read_all, args=[client])
        reading.start()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            client.sendall(ahead)
        # It grew by 64 KiB with each request answered.
        assert worker.memory_info().rss - before < 16 * 1024 * 1024
        client.shutdown(socket.SHUT_RDWR)
        reading.join(30)


def cpu_seconds(worker: psutil.Process) -> float:
    return float(sum(worker.cpu_times()[:2]))


def test_a_body_of_many_chunks_costs_what_its_length_costs(service: Service) -> None:
    [worker] = service.workers()
    spent = []
    for count, chunks in ((40, 2_500), (4, 25_000)):
        before = cpu_seconds(worker)
        for _ in range(count):
            with clients(service, 1, CHUNKED + SMALLEST_CHUNK * chunks + END_OF_CHUNKS) as [client]:
                assert client.recv(12) == b"HTTP/1.1 204"
        spent.append(cpu_seconds(worker) - before)
    # For each chunk gunicorn's reader copies all that it holds: five times as much.
    assert spent[1] < 3 * spent[0]


def test_a_body_that_seems_to_end_with_each_packet_is_not_parsed_each_time(service: Service) -> None:
    [worker] = service.workers()
    before = cpu_seconds(worker)
    for _ in range(4):
        with clients(service, 1, CHUNKED + SMALLEST_CHUNK * 20_000 + END_OF_CHUNKS) as [client]:
            assert client.recv(12) == b"HTTP/1.1 204"
    whole = (cpu_seconds(worker) - before) / 4
    before = cpu_seconds(worker)
    with clients(service, 1, CHUNKED + SMALLEST_CHUNK * 20_000) as [client]:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [LOOKS_LIKE_THE_END] * 40 + [END_OF_CHUNKS]:
            time.sleep(0.1)
            client.sendall(piece)
        assert client.recv(12) == b"HTTP/1.1 204"
    assert cpu_seconds(worker) - before < 10 * whole


def read_all(client: socket.socket) -> None:
    with suppress(ConnectionError):
        while client.recv(65536):
            pass
