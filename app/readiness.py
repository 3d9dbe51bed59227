"""Whether this replica should get requests: database there, migrations applied, not about to stop."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.errors import DatabaseUnavailableError
from app.lifecycle import Lifecycle
from app.queries import Queries

Check = Literal["ok", "pending", "unavailable"]
CACHE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Readiness:
    database: Check
    migrations: Check

    @property
    def is_ready(self) -> bool:
        return self.database == self.migrations == "ok"


UNAVAILABLE = Readiness("unavailable", "unavailable")


class ReadinessProbe:
    """One look at the database at a time, shared by everybody who asks meanwhile.

    Args:
        queries: how to ask the database.
        versions: the migrations this image has.
        lifecycle: whether the worker is about to stop.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        queries: Queries,
        versions: frozenset[int],
        lifecycle: Lifecycle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._versions = versions
        self._lifecycle = lifecycle
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = UNAVAILABLE
        self._looked_at = float("-inf")

    def check(self) -> Readiness:
        """What was found, at most CACHE_SECONDS ago."""
        if self._lifecycle.is_stopping:
            return UNAVAILABLE
        with self._lock:
            if self._clock() - self._looked_at > CACHE_SECONDS:
                self._latest = self._look()
                self._looked_at = self._clock()
            return self._latest

    def _look(self) -> Readiness:
        try:
            applied = self._queries.list_migrations()
        except DatabaseUnavailableError:
            return UNAVAILABLE
        # A database ahead of this image is fine: the previous image must start for a rollback.
        return Readiness("ok", "ok" if self._versions <= (applied or frozenset()) else "pending")
