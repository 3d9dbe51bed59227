"""Which threads of a worker look for requests: few at a time, as many starve each other of Python's lock."""

import math
import threading
import time
from queue import SimpleQueue

COUNT = 2
"""With one, a long computation would keep everybody waiting; with more, some wait far longer than others."""


class Turns:
    """A thread takes a turn, and keeps it from request to request. It gives it up before it waits for others.

    Args:
        count: how many threads look for requests at a time.
    """

    def __init__(self, count: int = COUNT) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)
        self._lock = threading.Lock()
        self._busy_since: dict[int, float] = {}
        """When the request of each thread with a turn began, in monotonic seconds; inf: it looks for one."""

    def take(self) -> None:
        """Waits until this thread has a turn."""
        ident = threading.get_ident()
        if not self._note(ident, math.inf):
            self._free.get()
            self._busy_since[ident] = math.inf

    def begin(self) -> None:
        """This thread has found a request."""
        self._note(threading.get_ident(), time.monotonic())

    def give_up(self) -> None:
        """Lets another thread look for requests. Does nothing in a thread without a turn."""
        self._end(threading.get_ident())

    def take_back(self, seconds: float) -> None:
        """Ends the turns of threads that have been at a request for so long: they wait, and did not tell."""
        latest = time.monotonic() - seconds
        for ident, since in list(self._busy_since.items()):
            if since <= latest:
                self._end(ident)

    def _note(self, ident: int, since: float) -> bool:
        """Whether the thread has a turn. Under the lock, as `take_back` may end it at this moment."""
        with self._lock:
            has_turn = ident in self._busy_since
            if has_turn:
                self._busy_since[ident] = since
        return has_turn

    def _end(self, ident: int) -> None:
        with self._lock:
            has_turn = self._busy_since.pop(ident, None) is not None
        if has_turn:
            self._free.put(None)
