"""Bodies that the service answers without reading, and that never come."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import requests

from tests.support.service import Service

CLIENTS = 12
REQUEST = b"POST /auth/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"


def test_who_promises_a_body_and_is_answered_without_it_holds_no_thread(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(WEB_CONCURRENCY="1", WEB_THREADS="2")
    service.wait_until_serving()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 30))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.sendall(REQUEST)
        began = time.monotonic()
        assert requests.get(f"{service.url}/health", timeout=60).status_code == 200
        # gunicorn's own worker waits 5 s for each body: 30 s.
        assert time.monotonic() - began < 5
        assert [client.recv(12) for client in clients] == [b"HTTP/1.1 204"] * CLIENTS
