"""Says on standard error what is going on, and about how long it goes on."""

import sys
import time


class Progress:
    """Counts steps of known weight.

    Args:
        weight: of all steps together.
        step_seconds: what a step of weight 1 takes, as one would guess before the first.
    """

    def __init__(self, weight: float, *, step_seconds: float) -> None:
        self._weight = weight
        self._step_seconds = step_seconds
        self._done = 0.0
        self._current = 0.0
        self._began = time.monotonic()

    def begin(self, what: str, weight: float = 1.0) -> None:
        """The step before is over, and this one begins."""
        self._done += self._current
        self._current = weight
        taken = (time.monotonic() - self._began) / self._done if self._done else self._step_seconds
        left = (self._weight - self._done) * taken
        print(f"[{left / 60:5.1f} min left] {what}", file=sys.stderr, flush=True)
