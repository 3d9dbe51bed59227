"""Whether this replica should get requests: database there, migrations applied, not about to stop."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.database.queries import Queries
from app.errors import DatabaseUnavailableError
from app.server.lifecycle import Lifecycle
from app.telemetry.metrics import Metrics

Check = Literal["ok", "pending", "unavailable"]
CACHE_SECONDS = 1.0

logger = logging.getLogger(__name__)


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
        metrics: where what was found is kept, too.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        queries: Queries,
        versions: frozenset[int],
        lifecycle: Lifecycle,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._versions = versions
        self._lifecycle = lifecycle
        self._metrics = metrics
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

    def check_soon(self) -> None:
        """Looks in the background, unless somebody is looking; the metrics then say what was found."""
        if not self._lock.locked():
            threading.Thread(target=self._check_aside, name="readiness", daemon=True).start()

    def _check_aside(self) -> None:
        try:
            self.check()
        except Exception:
            logger.exception("Readiness check failed")

    def _look(self) -> Readiness:
        try:
            applied = self._queries.list_migrations() or frozenset()
        except DatabaseUnavailableError:
            self._metrics.database_up.set(0)
            return UNAVAILABLE
        pending = self._versions - applied
        self._metrics.database_up.set(1)
        self._metrics.migrations_applied.set(len(applied))
        self._metrics.migrations_pending.set(len(pending))
        # A database ahead of this image is fine: the previous image must start for a rollback.
        return Readiness("ok", "pending" if pending else "ok")
