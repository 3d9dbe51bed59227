"""A loop as a worker's, in the test's own thread."""

import os
import time
from collections.abc import Callable

from greenlet import greenlet

from app.waiting.hub import Hub
from app.waiting.poller import IN, make_poller

SECONDS = 5.0
"""The longest that a test may take."""


class Loop:
    """Runs greenlets that wait in its hub.

    Attributes:
        hub: whose loop it is.
        said: what the greenlets have said.
    """

    def __init__(self) -> None:
        self.hub = Hub()
        self.said: list[object] = []
        self._poller = make_poller()
        self._woken, waker = os.pipe()
        self._poller.register(self._woken, IN)
        self.hub.begin(self._poller, wake=lambda: os.write(waker, b"."))

    def start(self, call: Callable[[], object]) -> None:
        """Runs the call in a greenlet, which says what it returns."""
        greenlet(lambda: self.said.append(call())).switch()

    def run_until(self, is_over: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not is_over():
            assert time.monotonic() < end, "nothing more happens"
            for fd, _ in self._poller.poll(self.hub.patience(0.1), 10):
                if not self.hub.resume(fd):
                    os.read(self._woken, 100)
            self.hub.go_on()
