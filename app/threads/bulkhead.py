"""Keeps one thread of a worker out of the database, so that /health answers while the database hangs."""

import math
import threading
import time
from collections.abc import Callable

from app.errors import DatabaseUnavailableError

PATIENCE = 0.25
"""Seconds. Where no statement ends for longer, the database hangs or is overloaded."""


class Bulkhead:
    """Admits all threads of a worker but one. That one waits for a place, or is refused soon.

    Args:
        threads: of the worker. A worker's only thread is always admitted.
        on_wait: called before a thread enters.
        clock: seconds.
    """

    def __init__(
        self,
        threads: float = math.inf,
        *,
        on_wait: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = max(threads - 1, 1)
        self._on_wait = on_wait
        self._clock = clock
        self._changed = threading.Condition()
        self._left_at = -math.inf
        self._since: dict[int, float] = {}
        """When each thread inside came, the first one first."""

    def enter(self) -> None:
        """Takes a place, until `leave`.

        Raises:
            DatabaseUnavailableError: all places are taken, and for PATIENCE nobody has left.
        """
        self._on_wait()
        with self._changed:
            now = self._clock()
            while len(self._since) >= self._most:
                # One slow statement is no hang, as long as others end.
                patience = max(next(iter(self._since.values())), self._left_at) + PATIENCE - now
                if patience <= 0:
                    raise DatabaseUnavailableError("all other threads wait for the database")
                self._changed.wait(patience)
                now = self._clock()
            self._since[threading.get_ident()] = now

    def leave(self) -> None:
        with self._changed:
            del self._since[threading.get_ident()]
            self._left_at = self._clock()
            self._changed.notify()
