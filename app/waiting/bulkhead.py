"""Bounds how many requests of a worker wait for the same thing, so that some are free while it hangs."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from app.waiting.hub import Event

PATIENCE = 0.25
"""Seconds. What keeps every thread for longer hangs or is overloaded."""


class BulkheadFullError(Exception):
    """All places are taken, and none has become free for too long."""


class Bulkhead:
    """Admits so many requests at a time. While they are quick, the next one waits for a place.

    Args:
        places: as many as are admitted, by default all.
        patience: seconds. It begins when the last place is taken, and again with each one that leaves after
            less. Once it is over, who comes is refused at once.
        make_event: for who has to wait.
        clock: seconds.
    """

    def __init__(
        self,
        places: float = math.inf,
        *,
        patience: float = PATIENCE,
        make_event: Callable[[], Event] = threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._patience = patience
        self._make_event = make_event
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[Event] = deque()
        self._inside = 0
        self._patient_until = 0.0
        self._hung_at = -math.inf

    def enter(self, until: float = math.inf) -> float:
        """Takes a place, until `leave` is called with what this returns.

        Args:
            until: when to stop waiting for a place, on the clock.

        Raises:
            BulkheadFullError: all places are taken, and the patience or the time is over.
        """
        while True:
            with self._lock:
                now = self._clock()
                if self._inside < self._places:
                    self._inside += 1
                    if self._inside >= self._places:
                        self._renew_patience(now)
                    return now
                end = min(self._patient_until, until)
                if now >= end:
                    raise BulkheadFullError
                left = self._make_event()
                self._queue.append(left)
            left.wait(end - now)
            with suppress(ValueError):
                self._queue.remove(left)

    def leave(self, entered_at: float) -> None:
        with self._lock:
            now = self._clock()
            if now - entered_at <= self._patience:
                self._renew_patience(now)
            elif self._inside >= self._places and now >= self._patient_until:
                self._hung_at = now
            self._inside -= 1
        with suppress(IndexError):
            self._queue.popleft().set()

    def _renew_patience(self, now: float) -> None:
        # Where somebody slow has just made room, the others may still hang.
        if now - self._hung_at > self._patience:
            self._patient_until = now + self._patience
