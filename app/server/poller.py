"""Tells which connections are ready: Linux's epoll, or the same on what else the platform has."""

import os
import select
import selectors
import threading
from collections import deque
from contextlib import suppress
from typing import Protocol

IN = 1
"""The numbers are epoll's (sys/epoll.h)."""
OUT = 4
ONE_SHOT = 1 << 30
"""Tells of a descriptor once, until it is modified."""
READ = IN | ONE_SHOT
WRITE = OUT | ONE_SHOT


class Poller(Protocol):
    """What the worker needs of `select.epoll`. Threads may use it at the same time."""

    def register(self, fd: int, event: int, /) -> None: ...

    def modify(self, fd: int, event: int, /) -> None: ...

    def unregister(self, fd: int, /) -> None: ...

    def poll(self, timeout: float, most: int, /) -> list[tuple[int, int]]: ...


class SelectorPoller:
    """Does with `selectors` what the worker asks of epoll.

    One thread selects. What others change meanwhile wakes it, as selectors do not see it by themselves.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._turn = threading.Lock()
        self._changes: deque[tuple[int, int]] = deque()
        self._ready: deque[int] = deque()
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._wake, selectors.EVENT_READ)

    def register(self, fd: int, event: int, /) -> None:
        self._changes.append((fd, event))
        # A full pipe wakes as well.
        with suppress(BlockingIOError):
            os.write(self._waker, b".")

    modify = register

    def unregister(self, fd: int, /) -> None:
        self.register(fd, 0)

    def poll(self, _timeout: float, _most: int, /) -> list[tuple[int, int]]:
        """Waits for one descriptor that is ready."""
        with self._turn:
            while not self._ready:
                self._apply_changes()
                keys = [key for key, _ in self._selector.select()]
                if any(key.fd == self._wake for key in keys):
                    # Another thread has changed something, maybe what is ready now: ask once more.
                    os.read(self._wake, 4096)
                    continue
                self._ready.extend(key.fd for key in keys)
                for key in keys:
                    if key.data & ONE_SHOT:
                        self._selector.unregister(key.fd)
            return [(self._ready.popleft(), 0)]

    def _apply_changes(self) -> None:
        while self._changes:
            fd, event = self._changes.popleft()
            with suppress(KeyError):
                self._selector.unregister(fd)
            if event:
                wanted = selectors.EVENT_READ if event & IN else selectors.EVENT_WRITE
                self._selector.register(fd, wanted, data=event)


def make_poller() -> Poller:
    return select.epoll() if hasattr(select, "epoll") else SelectorPoller()
