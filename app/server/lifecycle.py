"""Whether this worker is about to stop."""

from collections.abc import Callable


class Lifecycle:
    """Says so once the server that runs the worker has told it how to know."""

    def __init__(self) -> None:
        self._is_stopping: Callable[[], bool] = lambda: False

    def follow(self, is_stopping: Callable[[], bool]) -> None:
        """Asks the given function from now on."""
        self._is_stopping = is_stopping

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping()
