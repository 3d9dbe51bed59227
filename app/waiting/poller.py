"""Tells which descriptors are ready: Linux's epoll, or the same on what else the platform has."""

import select
import selectors
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
    """What a loop needs of `select.epoll`."""

    def register(self, fd: int, event: int, /) -> None: ...

    def modify(self, fd: int, event: int, /) -> None: ...

    def unregister(self, fd: int, /) -> None: ...

    def poll(self, timeout: float, most: int, /) -> list[tuple[int, int]]: ...


class SelectorPoller:
    """Does with `selectors` what a loop asks of epoll."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: int, event: int, /) -> None:
        # A closed descriptor stays in the selector; its number may be another's by now.
        self.unregister(fd)
        wanted = selectors.EVENT_READ if event & IN else 0
        wanted |= selectors.EVENT_WRITE if event & OUT else 0
        self._selector.register(fd, wanted, data=event)

    modify = register

    def unregister(self, fd: int, /) -> None:
        with suppress(KeyError):
            self._selector.unregister(fd)

    def poll(self, timeout: float, most: int, /) -> list[tuple[int, int]]:
        ready = [key for key, _ in self._selector.select(timeout)[:most]]
        for key in ready:
            if key.data & ONE_SHOT:
                # kqueue tells of reading and writing separately.
                self.unregister(key.fd)
        return [(key.fd, key.data) for key in ready]


def make_poller() -> Poller:
    return select.epoll() if hasattr(select, "epoll") else SelectorPoller()
