"""Bounds how many threads of a worker wait for the same thing, so that some are free while it hangs."""

import math
import threading
import time
from collections.abc import Callable

PATIENCE = 0.25
"""Seconds. What keeps every thread for longer hangs or is overloaded."""


class BulkheadFullError(Exception):
    """All places are taken, and none becomes free soon."""


class Bulkhead:
    """Admits so many threads at a time. While they are quick, the next one waits for a place.

    Args:
        places: as many as are admitted, by default all.
        patience: seconds. Who stays for longer is slow. Where for so long nobody quick has left, the next one
            is refused at once.
        on_wait: called before a thread enters.
        clock: seconds.
    """

    def __init__(
        self,
        places: float = math.inf,
        *,
        patience: float = PATIENCE,
        on_wait: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._patience = patience
        self.on_wait = on_wait
        self._clock = clock
        self._changed = threading.Condition()
        self._inside = 0
        self._patient_until = 0.0
        self._hung_at = -math.inf

    def enter(self) -> float:
        """Takes a place, until `leave` is called with what this returns.

        Raises:
            BulkheadFullError: all places are taken, and for `patience` nobody quick has left.
        """
        self.on_wait()
        with self._changed:
            now = self._clock()
            while self._inside >= self._places:
                if now >= self._patient_until:
                    raise BulkheadFullError
                self._changed.wait(self._patient_until - now)
                now = self._clock()
            self._inside += 1
            # Where somebody slow has just made room, the others are no quicker than before.
            if self._inside >= self._places and now - self._hung_at > self._patience:
                self._patient_until = now + self._patience
            return now

    def leave(self, entered_at: float) -> None:
        with self._changed:
            now = self._clock()
            if now - entered_at <= self._patience:
                self._patient_until = now + self._patience
            elif self._inside >= self._places:
                self._hung_at = now
            self._inside -= 1
            self._changed.notify()
