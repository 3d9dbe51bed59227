"""Waiting for something to become true, with a limit."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(probe: Callable[[], Value], *, seconds: float, what: str) -> Value:
    """The first true value of the probe; an exception inside counts as not yet."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            if value := probe():
                return value
            last = value
        except Exception as error:  # noqa: BLE001  # whatever it is, it may pass
            last = error
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s; last: {last!r}")
