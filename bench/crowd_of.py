"""A crowd of clients; says so on standard output once all are there, and stays until it is killed.

bin/python -m bench.crowd_of KIND COUNT PORT
"""

import re
import resource
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

TURN = 1.0
"""Seconds between two looks at all clients."""
TURNS_A_LINE = 5
SMALL = 1024
"""Bytes of a receive buffer, which Linux doubles."""
REQUEST = "GET {} HTTP/1.1\r\nHost: api\r\n"
SCRIPT = re.compile(r'src="(docs/\w+/swagger-ui-bundle\.js)"')


def slowloris(client: socket.socket, turn: int) -> bool:
    """Sends a header line every five seconds, and never the last one."""
    if turn == 0:
        client.sendall(REQUEST.format("/health").encode())
    elif turn % TURNS_A_LINE == 0:
        client.sendall(b"X-Again: 1\r\n")
    return _is_open(client)


def silent(client: socket.socket, _turn: int) -> bool:
    """Says nothing."""
    return _is_open(client)


def kept(client: socket.socket, turn: int) -> bool:
    """Asks once, and keeps its connection."""
    if turn == 0:
        client.sendall(f"{REQUEST.format('/health')}\r\n".encode())
        client.settimeout(10)
        client.recv(4096)
        client.settimeout(0)
    return _is_open(client)


def reader(client: socket.socket, turn: int) -> bool:
    """Asks for the largest answer, and reads a byte of it each turn."""
    if turn == 0:
        client.sendall(f"{REQUEST.format(_largest(client.getpeername()[1]))}\r\n".encode())
        return True
    with suppress(BlockingIOError):
        return bool(client.recv(1))
    return True


KINDS: dict[str, Callable[[socket.socket, int], bool]] = {
    "slowloris": slowloris,
    "silent": silent,
    "kept": kept,
    "reader": reader,
}
"""Name → what a client does in each turn; it is replaced when that is false or fails."""


def main(kind: str, count: int, port: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    clients = [_connect(port) for _ in range(count)]
    turns = [0] * count
    is_told = False
    while True:
        for number, client in enumerate(clients):
            stays = False
            with suppress(OSError):
                stays = KINDS[kind](client, turns[number])
            turns[number] += 1
            if not stays:
                client.close()
                with suppress(OSError):
                    clients[number], turns[number] = _connect(port), 0
        if not is_told:
            print("all are there", flush=True)
            is_told = True
        time.sleep(TURN)


def _connect(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    client.settimeout(0)
    return client


def _is_open(client: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return bool(client.recv(4096))
    return True


@lru_cache
def _largest(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/docs", timeout=10) as page:
        [path] = SCRIPT.findall(page.read().decode())
    return f"/{path}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
