"""So many requests a second, each answer held against what it has to be, until the block ends."""

import http.client
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from types import TracebackType
from typing import Protocol, Self

from tests.support.waiting import until

PATIENCE = 30
"""Seconds a client waits for an answer."""
AT_REST = 1.5
"""Seconds without a failure after which a load has recovered; the moment is that of the last failure."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Message
    body: bytes


class Caller(Protocol):
    """Who asks for something, and knows what the answer has to be."""

    def ask(self) -> Request:
        """The next request."""

    def judge(self, response: Response | None) -> str:
        """What is wrong with the answer to it; empty when it is right, or says that there is none now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request.

    Attributes:
        method: of the request.
        path: of the request.
        sent_at: monotonic seconds.
        ended_at: when the answer was read to its end, or it was clear that there is none.
        status: None when there is no complete answer.
        fault: why there is none.
        wrong: what the answer says that is not so; empty for all others.
    """

    method: str
    path: str
    sent_at: float
    ended_at: float
    status: int | None
    fault: str = ""
    wrong: str = ""

    @property
    def is_right(self) -> bool:
        return self.status is not None and self.status < 500 and not self.wrong


class SteadyLoad:
    """Each caller has a thread and its own times to send at; who is late leaves times out, and makes up none.

    Every second one opens a connection for each request, the others keep theirs for as long as the service
    does.

    Args:
        port: on 127.0.0.1.
        callers: one for each thread.
        rate: requests a second of all together.
    """

    def __init__(self, port: int, callers: Sequence[Caller], *, rate: float = 100) -> None:
        self._port = port
        self._interval = len(callers) / rate
        self._is_over = threading.Event()
        self._began_at = time.monotonic()
        self._threads = [
            threading.Thread(target=self._call, args=(caller, number), daemon=True)
            for number, caller in enumerate(callers)
        ]
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.answers) > len(self._threads), seconds=20, what="load")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE + 5)

    @property
    def failed(self) -> list[Answer]:
        """Those that were not answered as on an ordinary day."""
        return [answer for answer in list(self.answers) if not answer.is_right]

    @property
    def rate(self) -> float:
        """Requests a second that were sent indeed."""
        moments = [answer.sent_at for answer in list(self.answers)]
        return len(moments) / (max(moments) - min(moments))

    def run(self, seconds: float) -> None:
        """Goes on for so long."""
        self._is_over.wait(seconds)

    def seconds_to_recover(self, since: float, *, limit: float) -> float:
        """From a moment to the last failure's end; waits until there was none for a while.

        Raises:
            AssertionError: it goes on failing.
        """

        def latest() -> float:
            return max((answer.ended_at for answer in self.failed if answer.ended_at > since), default=since)

        def rests() -> bool:
            return time.monotonic() - latest() > AT_REST

        until(rests, seconds=limit + AT_REST + 5, what="an end of the failures")
        return latest() - since

    def _call(self, caller: Caller, number: int) -> None:
        connection: http.client.HTTPConnection | None = None
        for due_at in self._times(number):
            if self._is_over.wait(max(0.0, due_at - time.monotonic())):
                break
            if connection and _has_hung_up(connection):
                connection.close()
                connection = None
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            if not self._exchange(connection, caller, keeps=bool(number % 2)):
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _times(self, number: int) -> Iterator[float]:
        due_at = self._began_at + self._interval * number / len(self._threads)
        while True:
            yield due_at
            due_at += self._interval
            if (late := time.monotonic() - due_at) > self._interval:
                due_at += late // self._interval * self._interval

    def _exchange(self, connection: http.client.HTTPConnection, caller: Caller, *, keeps: bool) -> bool:
        """Adds the answer; returns whether the connection can be used again."""
        request = caller.ask()
        headers = {**request.headers, "Connection": "keep-alive" if keeps else "close"}
        sent_at = time.monotonic()
        response: Response | None = None
        fault, is_open = "", False
        try:
            connection.request(request.method, request.path, body=request.body, headers=headers)
            received = connection.getresponse()
            response = Response(received.status, received.headers, received.read())
            is_open = not received.will_close
        except (OSError, http.client.HTTPException) as error:
            fault = repr(error)
        ended_at = time.monotonic()
        self.answers.append(
            Answer(
                request.method,
                request.path,
                sent_at,
                ended_at,
                response.status if response else None,
                fault,
                caller.judge(response),
            )
        )
        return is_open


def _has_hung_up(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side closed it since; every client library looks before it sends."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
