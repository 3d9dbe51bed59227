"""Connections to Redis. A thread of its own makes them, so that requests only wait for answers."""

import hashlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.rate_limit.shared_memory import SharedFlag
from app.settings.redis_url import make_connection
from app.waiting.bulkhead import Bulkhead, BulkheadFullError
from app.waiting.hub import BLOCKING, Hub
from app.waiting.poller import IN

TIMEOUT = 0.04
"""Seconds for an answer. With the work around it, no request loses more than 50 ms."""
CONNECT_TIMEOUT = 1.0
PAUSE = 1.0
"""Seconds from a failure to the next attempt."""

SETTINGS: dict[str, Any] = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": CONNECT_TIMEOUT,
    # Nothing here needs protocol 3, and its greeting costs two more round trips.
    "protocol": 2,
    "driver_info": None,
}

logger = logging.getLogger(__name__)


class RedisAwayError(Exception):
    """Redis gave no usable answer, or not in time."""


class RedisLink:
    """Runs one script, behind a circuit breaker.

    The first failure opens the circuit: `run` then fails at once, while a thread tries every PAUSE seconds
    to connect and run the script. Requests never connect themselves, as the look-up of a host name may take
    seconds and has no time limit.

    Args:
        url: REDIS_URL.
        script: Lua.
        check: keys and numbers to try the script with.
        size: how many connections; further requests wait for one.
        is_away: shared by the replica's processes, so that only one of them logs an outage.
        hub: where requests wait for Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        script: str,
        check: tuple[Sequence[str], Sequence[int]],
        size: int,
        is_away: SharedFlag,
        hub: Hub = BLOCKING,
    ) -> None:
        self._hub = hub
        self._url = url
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._check = check
        self._size = size
        self._is_away = is_away
        self._places = Bulkhead(size, patience=math.inf, make_event=hub.event)
        self._idle: deque[AbstractConnection] = deque()
        self._fault: Exception | None = None
        self._is_broken = threading.Event()
        self._is_broken.set()
        self._was_tried = threading.Event()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name="redis-link", daemon=True)
        self._thread.start()

    def run(self, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        """The script's answer.

        Raises:
            RedisAwayError: no answer, or not in time.
        """
        if self._is_broken.is_set():
            # Only the first requests of a process wait, for its first attempt to connect.
            if not self._was_tried.is_set():
                self._hub.in_thread(self._was_tried.wait, TIMEOUT)
            if self._is_broken.is_set():
                raise RedisAwayError
        try:
            entered_at = self._places.enter(time.monotonic() + TIMEOUT)
        except BulkheadFullError:
            raise RedisAwayError from None
        try:
            return self._ask_one(keys, numbers)
        finally:
            self._places.leave(entered_at)

    def close(self) -> None:
        self._is_closing.set()
        self._is_broken.set()
        self._thread.join(CONNECT_TIMEOUT)
        self._disconnect(self._idle)
        self._is_away.close()

    def _ask_one(self, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        try:
            connection = self._idle.pop()
        except IndexError:
            raise RedisAwayError from None
        try:
            answer = self._ask(connection, keys, numbers)
        except (RedisError, OSError) as error:
            connection.disconnect()
            # After a lost connection the thread connects at once: Redis may have restarted.
            self._fault = None if isinstance(error, RedisConnectionError) else error
            self._is_broken.set()
            raise RedisAwayError from error
        self._idle.append(connection)
        return answer

    def _ask(self, connection: AbstractConnection, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        arguments = (len(keys), *keys, *numbers)
        connection.send_command("EVALSHA", self._sha, *arguments, check_health=False)
        try:
            answer: list[int] = self._read(connection)
        except NoScriptError:
            connection.send_command("EVAL", self._script, *arguments, check_health=False)
            answer = self._read(connection)
        return answer

    def _read(self, connection: AbstractConnection) -> list[int]:
        if self._hub.has_greenlet():
            # redis-py has no public way to wait for an answer without blocking.
            fd = connection._sock.fileno()  # type: ignore[attr-defined]  # noqa: SLF001  # see above
            if not self._hub.await_socket(fd, IN, time.monotonic() + TIMEOUT):
                raise RedisTimeoutError
        answer: list[int] = connection.read_response()
        return answer

    def _keep_connected(self) -> None:
        """Connects whenever the circuit is open, until `close`."""
        while self._is_broken.wait() and not self._is_closing.is_set():
            fault, self._fault = self._fault or self._connect(), None
            self._was_tried.set()
            if fault:
                if self._is_away.change(is_set=True):
                    extra = {"cause": f"{type(fault).__name__}: {fault}"}
                    logger.warning("Redis is away: this replica keeps the limits alone", extra=extra)
                self._is_closing.wait(PAUSE)
            elif self._is_away.change(is_set=False):
                logger.warning("Redis is back: the replicas keep the limits together")

    def _connect(self) -> Exception | None:
        """Connects and closes the circuit, or returns the error."""
        connections: deque[AbstractConnection] = deque()
        try:
            for _ in range(self._size):
                connections.append(make_connection(self._url, **SETTINGS))
                connections[-1].connect()
            self._ask(connections[0], *self._check)
        except Exception as error:  # noqa: BLE001  # whatever fails, try again later
            self._disconnect(connections)
            return error
        self._disconnect(self._idle)
        self._idle = connections
        self._is_broken.clear()
        return None

    def _disconnect(self, connections: deque[AbstractConnection]) -> None:
        while connections:
            connections.pop().disconnect()
