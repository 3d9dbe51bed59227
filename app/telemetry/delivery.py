"""Says once in the log that a receiver is away, and once that it is back."""

import logging
import threading

logger = logging.getLogger(__name__)


class Delivery:
    """What became of the latest attempts to hand something over; attempts may come from several threads.

    Args:
        what: that which is handed over, as the log names it: `Traces`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_failing = False
        self._lock = threading.Lock()

    def failed(self) -> None:
        """To be told of each attempt in vain."""
        if self._changes_to(is_failing=True):
            logger.warning("%s cannot be delivered", self._what)

    def succeeded(self) -> None:
        """To be told of each attempt that was not in vain."""
        if self._changes_to(is_failing=False):
            logger.info("%s are delivered again", self._what)

    def _changes_to(self, *, is_failing: bool) -> bool:
        with self._lock:
            changes = self._is_failing != is_failing
            self._is_failing = is_failing
        return changes
