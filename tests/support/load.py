"""Clients that call a service at the same time and account for every request."""

import http.client
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        client: the thread's number.
        request_id: of the service's log.
        sent_at: monotonic seconds.
        seconds: until the answer was read to its end, or until it was clear that there is none.
        status: None when the connection was accepted and then gave no complete answer.
        fault: why there is none.
    """

    client: int
    request_id: str
    sent_at: float
    seconds: float
    status: int | None
    fault: str = ""


class Load:
    """GETs one path from so many threads until the block ends; a refused connection is no request.

    Args:
        port: on 127.0.0.1.
        path: what is asked for.
        fresh: threads that open a connection for each request.
        kept: threads that keep theirs as long as the service does.
        headers: sent with each request.
        pause: seconds between a thread's answer and its next request.
    """

    def __init__(
        self,
        port: int,
        path: str,
        *,
        fresh: int = 0,
        kept: int = 0,
        headers: Mapping[str, str] = NOTHING,
        pause: float = 0.0,
    ) -> None:
        self._port = port
        self._path = path
        self._headers = dict(headers)
        self._pause = pause
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(number, number >= fresh), daemon=True)
            for number in range(fresh + kept)
        ]
        self.outcomes: list[Outcome] = []
        self.refused = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def lost(self) -> list[Outcome]:
        """Requests on an accepted connection that got no complete answer."""
        return [outcome for outcome in list(self.outcomes) if outcome.status is None]

    def statuses(self, *, since: float = 0.0) -> set[int | None]:
        """The statuses of what was sent after a moment."""
        return {outcome.status for outcome in list(self.outcomes) if outcome.sent_at >= since}

    def has_answered_all(self, *, since: float) -> bool:
        """Whether every thread has got an answer to something it sent after a moment."""
        clients = {outcome.client for outcome in list(self.outcomes) if outcome.sent_at >= since}
        return len(clients) == len(self._threads)

    def _call(self, number: int, keeps: bool) -> None:  # noqa: FBT001  # a thread's arguments
        connection: http.client.HTTPConnection | None = None
        while not self._is_over.wait(self._pause):
            if connection is None:
                connection = self._connect()
            if connection is None:
                self._is_over.wait(0.02)
                continue
            if not self._ask(connection, number, keeps=keeps):
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.connect()
        except (ConnectionRefusedError, ConnectionResetError):
            # Reset is who meets a listener in the midst of its closing.
            self.refused += 1
            return None
        return connection

    def _ask(self, connection: http.client.HTTPConnection, number: int, *, keeps: bool) -> bool:
        """Adds the outcome; returns whether the connection can be used again."""
        began = time.monotonic()
        request_id = uuid.uuid4().hex
        headers = {
            **self._headers,
            "X-Request-ID": request_id,
            "Connection": "keep-alive" if keeps else "close",
        }
        try:
            connection.request("GET", self._path, headers=headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.outcomes.append(
                Outcome(number, request_id, began, time.monotonic() - began, None, repr(error))
            )
            return False
        self.outcomes.append(Outcome(number, request_id, began, time.monotonic() - began, response.status))
        return not response.will_close
