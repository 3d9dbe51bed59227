"""Reports on standard error what a run does, and about how long it will still take."""

import sys
import time


class Progress:
    """Estimates the time that is left from the weights of the steps.

    Args:
        weight: the sum of the weights of all steps.
        step_seconds: how long a step of weight 1 takes; a guess that is used before the first step has ended.
    """

    def __init__(self, weight: float, *, step_seconds: float) -> None:
        self._weight = weight
        self._step_seconds = step_seconds
        self._done = 0.0
        self._current = 0.0
        self._began = time.monotonic()

    def begin(self, what: str, weight: float = 1.0) -> None:
        """Ends the step before, and begins this one."""
        self._done += self._current
        self._current = weight
        taken = (time.monotonic() - self._began) / self._done if self._done else self._step_seconds
        left = (self._weight - self._done) * taken
        print(f"[{left / 60:5.1f} min left] {what}", file=sys.stderr, flush=True)
