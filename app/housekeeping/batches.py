"""Long work in short transactions: it tells how far it is, and stops between two of them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.housekeeping.models import FIRST_STEP, Step
from app.housekeeping.output import Output
from app.migrations.errors import Exit, TerminatedError

PROGRESS_SECONDS = 2.0
GRACE = 5.0
"""Seconds for the batch that runs when SIGTERM comes; a database that hangs must not keep the process."""


class Batches:
    """Runs batch after batch until there is nothing left or somebody wants an end.

    Args:
        notices: told the progress.
        event: the word for it.
        done: what happens to the rows, for people, as in "Deleted".

    Attributes:
        changed: rows so far.
        longest: seconds of the longest batch, transaction and round trip.
    """

    def __init__(self, notices: Output, *, event: str, done: str) -> None:
        self._notices = notices
        self._event = event
        self._done = done
        self._is_stopping = threading.Event()
        self._said_at = time.monotonic()
        self.changed = 0
        self.longest = 0.0

    @contextmanager
    def stopping_between(self) -> Iterator[None]:
        """Until the end of the block, SIGTERM and Ctrl-C wait for the batch that runs.

        Raises:
            TerminatedError: at the end of the block, if one came.
        """
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._is_stopping.is_set():
            raise TerminatedError

    def run(self, next_batch: Callable[[Step], Step | None]) -> None:
        """Calls it with the step before, until it returns None."""
        last = FIRST_STEP
        while not self._is_stopping.is_set():
            began = time.monotonic()
            step = next_batch(last)
            now = time.monotonic()
            self.longest = max(self.longest, now - began)
            if step is None:
                return
            last = step
            self.changed += step.changed
            if now - self._said_at >= PROGRESS_SECONDS:
                self._said_at = now
                self._notices.say(
                    self._event,
                    f"{self._done} {self.changed:,} sessions so far",
                    fields={"count": self.changed},
                )

    def _stop(self, _signal: int, _frame: object) -> None:
        self._is_stopping.set()
        watchdog = threading.Timer(GRACE, os._exit, (Exit.TERMINATED,))
        watchdog.daemon = True
        watchdog.start()
