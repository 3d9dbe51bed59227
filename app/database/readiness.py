"""Whether this replica should get requests: the database answers, migrations are applied, no stop began."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psycopg

from app.database.queries import Queries
from app.errors import DatabaseReadOnlyError, DatabaseUnavailableError
from app.telemetry.metrics import Metrics
from app.waiting.hub import BLOCKING, Hub

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
    """Asks the database, one request at a time; the others share the answer.

    Args:
        queries: the service's.
        versions: the migrations of this image.
        stopping: set once the replica is told to stop.
        metrics: tell what was found.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        queries: Queries,
        versions: frozenset[int],
        stopping: threading.Event,
        metrics: Metrics,
        hub: Hub = BLOCKING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._versions = versions
        self._stopping = stopping
        self._metrics = metrics
        self._hub = hub
        self._clock = clock
        self._lock = threading.Lock()
        self._latest = UNAVAILABLE
        self._checked_at = float("-inf")
        self._has_said_why = False

    def check(self) -> Readiness:
        """The state, as found at most CACHE_SECONDS ago."""
        if self._stopping.is_set():
            return UNAVAILABLE
        return self._latest if self._is_fresh() else self._hub.in_thread(self._check)

    def _check(self) -> Readiness:
        with self._lock:
            if not self._is_fresh():
                self._latest = self._find_state()
                self._checked_at = self._clock()
            return self._latest

    def _is_fresh(self) -> bool:
        return self._clock() - self._checked_at <= CACHE_SECONDS

    def check_soon(self) -> None:
        """Checks in the background for the metrics, unless a check is running."""
        if not self._lock.locked():
            threading.Thread(target=self._check_in_background, name="readiness", daemon=True).start()

    def _check_in_background(self) -> None:
        try:
            self._check()
        except Exception:
            logger.exception("Readiness check failed")

    def _find_state(self) -> Readiness:
        try:
            applied = self._queries.list_migrations() or frozenset()
        except DatabaseUnavailableError:
            self._metrics.database_up.set(0)
            return UNAVAILABLE
        except psycopg.Error as error:
            self._note_failure(error)
            return UNAVAILABLE
        pending = self._versions - applied
        self._metrics.migrations_applied.set(len(applied))
        self._metrics.migrations_pending.set(len(pending))
        # A database ahead of this image is fine, as a rollback starts the previous image.
        migrations: Check = "pending" if pending else "ok"
        # What lacks a migration may well lack a table.
        if pending or self._can_serve():
            self._metrics.database_up.set(1)
            return Readiness("ok", migrations)
        return Readiness("unavailable", migrations)

    def _can_serve(self) -> bool:
        """Whether the service's own statements run: tables and rights are there, and writes are taken."""
        try:
            self._queries.update_nothing()
        except (psycopg.Error, DatabaseReadOnlyError) as error:
            self._note_failure(error)
            return False
        except DatabaseUnavailableError:
            # It answered a moment ago. A lock on a table must not take every replica out at once.
            return True
        self._has_said_why = False
        return True

    def _note_failure(self, error: Exception) -> None:
        """Logs the first of several failures in a row."""
        self._metrics.database_up.set(0)
        if not self._has_said_why:
            self._has_said_why = True
            logger.error("Readiness check failed", exc_info=error, extra={"cause": str(error)})
