"""The connections of a worker process to PostgreSQL: a pool, and a queue in front of it."""

import math
import threading
import time

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from app.database.connection import DeadlineConnection, first_line
from app.database.pool_metrics import PoolMetrics
from app.errors import DatabaseUnavailableError
from app.telemetry.metrics import Metrics
from app.waiting.bulkhead import Bulkhead, BulkheadFullError
from app.waiting.hub import Hub, NoThreadError

CONNECTION_LIFETIME = 30 * 60.0
AT_ONCE = 0.001


class ConnectionsLentError(DatabaseUnavailableError):
    """Other requests had all connections for too long. That says nothing about the server."""


class _Pool(ConnectionPool[DeadlineConnection]):
    def has_idle(self) -> bool:
        """Whether there is a connection that nobody has to wait for."""
        return bool(self._pool)


class Connections:
    """Lends connections. Where all are lent, requests queue in the hub.

    Args:
        conninfo: libpq's.
        most: connections at most.
        prepares: whether the server keeps what a connection prepares.
        hub: where requests wait.
        metrics: tell the pool's state and waits.
    """

    def __init__(self, conninfo: str, *, most: int, prepares: bool, hub: Hub, metrics: Metrics) -> None:
        self._pool = _Pool(
            conninfo,
            connection_class=DeadlineConnection,
            kwargs={"autocommit": True, "on_attempt": self._note_refusal, "hub": hub},
            min_size=1,
            max_size=most,
            max_lifetime=CONNECTION_LIFETIME,
            # After this many seconds the pool gives up, and the next request makes it try again.
            reconnect_timeout=1.0,
            name="database",
            open=False,
            configure=None if prepares else _prepare_nothing,
        )
        self._hub = hub
        self._places = Bulkhead(most, patience=math.inf, make_event=hub.event)
        self._metrics = PoolMetrics(self._pool, self._places, metrics)
        self._lock = threading.Lock()
        self._drained_at = 0.0
        self._refusal: str | None = None

    def open(self) -> None:
        """Starts to connect, in the background. Call it after the fork."""
        self._pool.open()
        self._metrics.start()

    def close(self) -> None:
        self._metrics.close()
        self._pool.close(timeout=1.0)

    def lend(self, seconds: float, *, is_checked: bool) -> DeadlineConnection:
        """A connection, until `take_back`.

        Args:
            seconds: how long to wait for one.
            is_checked: the server must not have closed it.

        Raises:
            ConnectionsLentError: others have had all of them for that time.
            DatabaseUnavailableError: there is none within that time.
        """
        began = time.monotonic()
        until = began + seconds
        try:
            entered_at = self._places.enter(until)
            try:
                connection = self._get(until)
                while is_checked and connection.has_hung_up():
                    connection.close()
                    self.drain(connection)
                    self._pool.putconn(connection)
                    connection = self._get(until)
            except BaseException:
                self._places.leave(entered_at)
                raise
        except BulkheadFullError as error:
            raise ConnectionsLentError(f"all connections were in use for {seconds:g} s") from error
        except (psycopg.OperationalError, NoThreadError) as error:
            raise DatabaseUnavailableError(self._refusal or first_line(error)) from error
        finally:
            self._metrics.note_wait(time.monotonic() - began)
        connection.lent_at = entered_at
        return connection

    def take_back(self, connection: DeadlineConnection) -> None:
        self._pool.putconn(connection)
        self._places.leave(connection.lent_at)

    def drain(self, lost: DeadlineConnection) -> None:
        """Replaces the idle connections after one was lost, unless they were replaced after it was opened."""
        with self._lock:
            if lost.opened_at < self._drained_at:
                return
            self._drained_at = time.monotonic()
        self._pool.drain()

    def _get(self, until: float) -> DeadlineConnection:
        seconds = until - time.monotonic()
        if self._pool.has_idle():
            try:
                return self._pool.getconn(min(seconds, AT_ONCE))
            except PoolTimeout:
                # Another thread has taken it.
                seconds = until - time.monotonic()
        # The pool opens one, or gets a new one for one that was lost.
        return self._hub.in_thread(self._pool.getconn, seconds)

    def _note_refusal(self, refusal: str | None) -> None:
        self._refusal = refusal


def _prepare_nothing(connection: DeadlineConnection) -> None:
    connection.prepare_threshold = None
    connection.prepares = False
