"""A client's connection: what came, what is still to be sent, and until when somebody has to do something."""

import math
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.server.head import END

RECEIVE = 65536
Address = tuple[Any, ...] | str
"""What accept() says of a client, or a listener of itself: a path for a Unix socket."""
EARLY = 16384
"""Bytes that may be parsed in vain for a short chunked body that comes in many pieces."""
SMALL = 65536
"""Bytes up to which an answer is copied together, to leave in one piece with one call."""


class Connection:
    """One greenlet at a time has it, from an event of the poller until it is armed again.

    Attributes:
        since: when it was accepted, or had its latest answer (monotonic seconds).
        deadline: when the client is cut off.
        needed: bytes that the request has at least; it is not looked at before they are there.
        is_waiting: nobody has it, epoll watches it.
        is_kept: it has had an answer, and may be closed between two requests at any time (RFC 9112, 9.5).
        is_closing: the last answer is sent; the client has yet to close.
        is_ahead: a request was read together with the one before, so there is something to answer already.
        is_cut: it was shut down, as it was late or to make room.
        is_last: the connection ends with what is unsent.
        body_deadline: when its body has to be there.
        may_end: the request may be there before `needed` bytes are, if they end like a chunked body.
        parsed: bytes that were parsed in vain, as the body was not whole yet; counted each time.
        is_short: its body has stood still for too long; the request is answered without the rest.
    """

    __slots__ = (
        "body_deadline",
        "client",
        "deadline",
        "fd",
        "is_ahead",
        "is_closing",
        "is_cut",
        "is_kept",
        "is_last",
        "is_short",
        "is_waiting",
        "may_end",
        "needed",
        "parsed",
        "received",
        "server",
        "since",
        "sock",
        "unsent",
    )

    def __init__(self, sock: socket.socket, client: Address, server: Address, *, patience: float) -> None:
        sock.setblocking(False)  # noqa: FBT003  # the socket's own signature
        self.sock = sock
        self.fd = sock.fileno()
        self.client = client
        self.server = server
        self.since = time.monotonic()
        self.deadline = self.since + patience
        self.received = b""
        self.unsent: list[memoryview] = []
        self.needed = self.parsed = 0
        self.body_deadline = math.inf
        self.is_kept = self.is_last = self.is_closing = self.is_cut = self.is_short = self.may_end = False
        self.is_waiting = True
        self.is_ahead = False

    def receive(self) -> bool:
        """Takes what has come; returns whether more can come.

        Raises:
            OSError: the client is gone.
        """
        try:
            data = self.sock.recv(RECEIVE)
        except BlockingIOError:
            return True
        self.received = self.received + data if self.received else data
        return bool(data)

    def may_be_whole(self) -> bool:
        """Whether the request is worth parsing. All attempts together cost a small multiple of its length."""
        length = len(self.received)
        if length >= self.needed:
            return True
        return self.may_end and self.received.endswith(END) and self.parsed <= 4 * length + EARLY

    def send(self, parts: Sequence[bytes]) -> bool:
        """Sends as much as the client takes; returns whether that was all.

        Raises:
            OSError: the client is gone.
        """
        if sum(map(len, parts)) <= SMALL:
            data = b"".join(parts)
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return True
            self.unsent = [memoryview(data)[sent:]]
            return False
        self.unsent = [memoryview(part) for part in parts]
        return self.flush()

    def flush(self) -> bool:
        """Sends more of what is unsent; returns whether that was all.

        Raises:
            OSError: the client is gone.
        """
        while self.unsent:
            try:
                sent = self.sock.sendmsg(self.unsent[:2])
            except BlockingIOError:
                return False
            while self.unsent and sent >= len(self.unsent[0]):
                sent -= len(self.unsent.pop(0))
            if sent:
                self.unsent[0] = self.unsent[0][sent:]
        return True

    def has_input(self) -> bool:
        """Whether something has come that nobody has read yet."""
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def drop_input(self) -> bool:
        """Reads and forgets what still comes; returns whether the client has closed."""
        try:
            return not self.sock.recv(RECEIVE)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def cut(self) -> None:
        """Makes the next read or write fail, or only the read where the request is still to be answered."""
        self.is_cut = True
        self.deadline = math.inf
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD if self.is_short else socket.SHUT_RDWR)


class CollectingSocket:
    """What gunicorn's Response writes to: it keeps the parts, as a slow client must not hold a greenlet."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.parts.append(data)

    send = sendall
