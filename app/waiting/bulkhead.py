"""Bounds how many requests of a worker wait for the same thing, so that some are free while it hangs."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.waiting.hub import Event

PATIENCE = 0.25
"""Seconds. What keeps everybody for longer hangs or is overloaded."""


class BulkheadFullError(Exception):
    """All places are taken, and none has become free for too long."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits for a place.

    Attributes:
        changed: set once there is a place.
        has_place: whether it was given one.
    """

    changed: Event
    has_place: bool = False


class Bulkhead:
    """Admits so many requests at a time. While they are quick, others queue for a place.

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
        self._queue: deque[_Waiting] = deque()
        self._inside = 0
        self._patient_until = 0.0
        self._hung_at = -math.inf

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._queue)

    def enter(self, until: float = math.inf) -> float:
        """Takes a place, until `leave` is called with what this returns.

        Args:
            until: when to stop waiting for a place, on the clock.

        Raises:
            BulkheadFullError: all places are taken, and the patience or the time is over.
        """
        with self._lock:
            now = self._clock()
            if self._inside < self._places:
                self._inside += 1
                if self._inside >= self._places:
                    self._renew_patience(now)
                return now
            me = _Waiting(self._make_event())
            self._queue.append(me)
        while not me.has_place:
            with self._lock:
                seconds = min(self._patient_until, until) - self._clock()
                if seconds <= 0 and not me.has_place:
                    self._queue.remove(me)
                    raise BulkheadFullError
            me.changed.wait(seconds)
        return self._clock()

    def leave(self, entered_at: float) -> None:
        with self._lock:
            now = self._clock()
            if now - entered_at <= self._patience:
                self._renew_patience(now)
            elif self._inside >= self._places and now >= self._patient_until:
                self._hung_at = now
            if self._queue:
                next_one = self._queue.popleft()
                next_one.has_place = True
                next_one.changed.set()
            else:
                self._inside -= 1

    def _renew_patience(self, now: float) -> None:
        # Where somebody slow has just made room, the others may still hang.
        if now - self._hung_at >= self._patience:
            self._patient_until = now + self._patience
