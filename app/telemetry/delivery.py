"""Logs once that a receiver cannot be reached, and once that it can be again."""

import logging
import threading

logger = logging.getLogger(__name__)


class DeliveryLog:
    """Remembers whether the latest delivery failed. Deliveries may come from several threads.

    Args:
        what: the name of what is delivered, as in `Traces`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_failing = False
        self._lock = threading.Lock()

    def failed(self) -> None:
        """Call it after each failed delivery."""
        if self._changes_to(is_failing=True):
            logger.warning("%s cannot be delivered", self._what)

    def succeeded(self) -> None:
        """Call it after each delivery that succeeded."""
        if self._changes_to(is_failing=False):
            logger.info("%s are delivered again", self._what)

    def _changes_to(self, *, is_failing: bool) -> bool:
        with self._lock:
            changes = self._is_failing != is_failing
            self._is_failing = is_failing
        return changes
