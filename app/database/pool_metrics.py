"""The pool's metrics. A statement pays next to nothing for them: a thread reads the pool twice a second."""

import logging
import threading
from itertools import count
from typing import Any

from psycopg_pool import ConnectionPool

from app.telemetry.metrics import SHORTEST_WAIT, Metrics
from app.waiting.bulkhead import Bulkhead

INTERVAL = 0.5
"""Seconds between two readings."""

logger = logging.getLogger(__name__)


class PoolMetrics:
    """Publishes how many connections there are, how many work, who waits, and for how long.

    Args:
        pool: whose.
        places: the queue in front of it.
        metrics: get the figures.
    """

    def __init__(self, pool: ConnectionPool[Any], places: Bulkhead, metrics: Metrics) -> None:
        self._pool = pool
        self._places = places
        self._metrics = metrics
        self._short_waits = count(1)
        self._latest_short_wait = 0
        self._published_short_waits = 0
        self._is_closed = threading.Event()

    def start(self) -> None:
        """Starts the thread. Call it after the fork."""
        threading.Thread(target=self._run, name="pool-metrics", daemon=True).start()

    def close(self) -> None:
        """Publishes the last figures and ends the thread."""
        self._is_closed.set()
        self._publish()

    def note_wait(self, seconds: float) -> None:
        """Counts a wait for a connection. The thread adds short ones to the histogram."""
        if seconds < SHORTEST_WAIT:
            # One step of an iterator is atomic where `+= 1` is not.
            self._latest_short_wait = next(self._short_waits)
        else:
            self._metrics.pool_wait_seconds.observe(seconds)

    def _run(self) -> None:
        while not self._is_closed.wait(INTERVAL):
            try:
                self._publish()
            except Exception:
                logger.exception("Pool metrics failed")

    def _publish(self) -> None:
        state = self._pool.get_stats()
        self._metrics.pool_connections.set(state["pool_size"])
        self._metrics.pool_connections_in_use.set(state["pool_size"] - state["pool_available"])
        self._metrics.pool_waiting.set(state["requests_waiting"] + self._places.waiting)
        latest = self._latest_short_wait
        if latest > self._published_short_waits:
            self._metrics.add_short_waits(latest - self._published_short_waits)
            self._published_short_waits = latest
