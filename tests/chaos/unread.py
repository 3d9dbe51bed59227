"""Clients that ask for the largest answer and never read; prints whether others are answered beside them.

python -m tests.chaos.unread DATABASE_URL FOLDER FRONT THREADS CLIENTS

To be run in a network of its own whose packets are of an ordinary size: over this machine's loopback, with
packets of 64 KiB, the kernel buffers more than any answer has.
"""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from app.server.worker import REQUEST_SECONDS
from tests.chaos.fronts import front, is_answered
from tests.support.largest_answer import largest_path
from tests.support.service import Service
from tests.support.waiting import until

SMALL = 1024
"""Bytes of a receive buffer, which Linux doubles."""


def main(database_url: str, folder: str, before: str, threads: str, clients: str) -> None:
    service = Service(database_url=database_url, WEB_CONCURRENCY="1", WEB_THREADS=threads)
    try:
        service.wait_until_serving()
        with front(before, service, Path(folder)) as port, ExitStack() as stack:
            for _ in range(int(clients)):
                _ask_and_read_nothing(port, stack)
            print("answered" if _stays_answered(port) else "held up")  # noqa: T201  # a test reads it
            until(lambda: is_answered(port), seconds=REQUEST_SECONDS + 5, what="recovery beside them")
        until(lambda: is_answered(service.port), seconds=5, what="recovery")
    finally:
        service.kill()


def _ask_and_read_nothing(port: int, stack: ExitStack) -> None:
    path = largest_path(port)
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: api\r\n\r\n".encode())


def _stays_answered(port: int) -> bool:
    return all(is_answered(port) for _ in range(5))


if __name__ == "__main__":
    main(*sys.argv[1:])
