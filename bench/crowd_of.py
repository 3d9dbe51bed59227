"""A crowd of clients; says so on standard output once all are there, and stays until it is killed.

bin/python -m bench.crowd_of KIND COUNT PORT
"""

import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from tests.support.largest_answer import largest_path

TURN = 1.0
"""Seconds between two looks at all clients."""
TURNS_A_LINE = 5
SMALL = 1024
"""Bytes of a receive buffer, which Linux doubles."""
largest = lru_cache(largest_path)
REQUEST = "GET {} HTTP/1.1\r\nHost: api\r\n"


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
        client.sendall(f"{REQUEST.format(largest(client.getpeername()[1]))}\r\n".encode())
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


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
