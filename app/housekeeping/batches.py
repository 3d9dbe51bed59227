"""Long work in short transactions: it tells how far it is, and stops between two of them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.housekeeping.models import FIRST_STEP, Step
from app.housekeeping.output import Output
from app.migrations.errors import TerminatedError

PROGRESS_SECONDS = 2.0
GRACE = 3.0
"""Seconds for the batch that runs when SIGTERM comes; one that hangs is cancelled then."""


class Batches:
    """Runs batch after batch until there is nothing left or somebody wants an end.

    Args:
        notices: told the progress.
        event: the word for it.
        done: what happens to the sessions, for people, as in "Deleted".

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
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def put_back() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def stop(_signal: int, _frame: object) -> None:
            self._is_stopping.set()
            # A second signal cancels the batch. It comes from here when the batch hangs.
            put_back()
            again = threading.Timer(GRACE, os.kill, (os.getpid(), signal.SIGTERM))
            again.daemon = True
            again.start()

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            put_back()
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
