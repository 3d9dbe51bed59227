"""PostgreSQL as one worker process sees it: a pool, bounded waits, and quick failure while it is away."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import BaseRowFactory, tuple_row
from psycopg_pool import ConnectionPool

from app.database.connection import STATEMENT_DEADLINE, DeadlineConnection, first_line
from app.errors import DatabaseUnavailableError
from app.telemetry.metrics import Metrics

Row = TypeVar("Row")
Result = TypeVar("Result")

POOL_TIMEOUT = 3.0
PROBE_INTERVAL = 1.0
PROBE_TIMEOUT = 0.5
CONNECTION_LIFETIME = 30 * 60.0

CONNECTION_DEFAULTS: dict[str, str | int] = {
    "application_name": "connected-backend",
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
    "options": "-c statement_timeout=4500 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000",
}
"""libpq parameters (milliseconds where PostgreSQL says so); those written in the URL win."""
REFUSED_BY_POOLERS = {"options"}
DATA_EXCEPTION = "22"
"""The class of SQLSTATE (PostgreSQL, appendix A) whose messages quote values."""

logger = logging.getLogger(__name__)


class _ConnectionLostError(DatabaseUnavailableError):
    """The connection died under a statement, which may or may not have run."""


class _StatementRefusedError(DatabaseUnavailableError):
    """The server answered, and would not do this one thing now."""


class Database:
    """Runs single statements, each in a transaction of its own.

    A failure to get an answer in time opens the circuit: from then on every call fails at once, while one
    probe a second looks for the server's return.

    Args:
        url: libpq's.
        metrics: where the pool's state and waits are kept.
        pool_max: connections at most.
        through_pooler: whether a transaction pooler such as PgBouncer answers at that URL: each statement may
            then meet another server connection, so that nothing may be prepared or set on one.
    """

    def __init__(self, url: str, metrics: Metrics, *, pool_max: int, through_pooler: bool = False) -> None:
        unsent = conninfo_to_dict(url).keys() | (REFUSED_BY_POOLERS if through_pooler else set())
        defaults = {name: value for name, value in CONNECTION_DEFAULTS.items() if name not in unsent}
        self._pool = ConnectionPool(
            make_conninfo(url, **defaults),
            connection_class=DeadlineConnection,
            kwargs={"autocommit": True, "note": self._note_refusal},
            min_size=1,
            max_size=pool_max,
            max_lifetime=CONNECTION_LIFETIME,
            # Short, so that a pool that gave up grows at the next request instead of minutes later.
            reconnect_timeout=1.0,
            name="database",
            open=False,
            configure=_prepare_nothing if through_pooler else None,
        )
        self._metrics = metrics
        self._metrics.pool_max_connections.set(pool_max)
        self._is_away = threading.Event()
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._drained_at = 0.0
        self._refusal: str | None = None
        self._size: int | None = None

    def open(self) -> None:
        """Begins to connect, in the background. To be called after fork."""
        self._pool.open()

    def close(self) -> None:
        self._is_closed.set()
        self._pool.close(timeout=1.0)

    def read(
        self, query: bytes, params: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> Sequence[Row]:
        """The rows of a statement that may run twice: when its connection dies it is tried once more.

        Raises:
            DatabaseUnavailableError: no answer, or not in time.
        """
        try:
            return self._guarded(query, params, row_factory, is_last=False)
        except _ConnectionLostError:
            return self._guarded(query, params, row_factory)

    def write(
        self, query: bytes, params: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> Sequence[Row]:
        """The rows of a statement that must not run twice.

        Raises:
            DatabaseUnavailableError: no answer, or not in time; the statement may have run.
        """
        return self._guarded(query, params, row_factory)

    def probe(self, query: bytes) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement that has a second in all; its failure says nothing to others.

        Raises:
            DatabaseUnavailableError: no answer within that second.
        """
        self._fail_fast()
        return self._execute(query, {}, tuple_row, pool_timeout=PROBE_TIMEOUT, deadline=PROBE_TIMEOUT)

    def _guarded(
        self,
        query: bytes,
        params: Mapping[str, object],
        row_factory: BaseRowFactory[Row],
        *,
        is_last: bool = True,
    ) -> Sequence[Row]:
        """Fails at once while the circuit is open, and opens it for others when the last try fails."""
        self._fail_fast()
        try:
            return self._execute(query, params, row_factory, must_live=is_last)
        except DatabaseUnavailableError as error:
            is_lost = isinstance(error, _ConnectionLostError)
            if not isinstance(error, _StatementRefusedError) and (is_last or not is_lost):
                self._open_circuit(error)
            raise

    def _execute(
        self,
        query: bytes,
        params: Mapping[str, object],
        row_factory: BaseRowFactory[Row],
        *,
        pool_timeout: float = POOL_TIMEOUT,
        deadline: float = STATEMENT_DEADLINE,
        must_live: bool = True,
    ) -> Sequence[Row]:
        connection = self._get_connection(pool_timeout, must_live=must_live)
        connection.deadline = deadline
        self._metrics.pool_connections_in_use.inc()
        try:
            with connection.cursor(row_factory=row_factory) as cursor:
                cursor.execute(query, params)
                return cursor.fetchall() if cursor.description else []
        except errors.ReadOnlySqlTransaction as error:
            # The primary became a replica: a new connection may find the new one.
            connection.close()
            self._drain(connection)
            raise _StatementRefusedError(first_line(error)) from error
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            raise _StatementRefusedError(first_line(error)) from error
        except psycopg.OperationalError as error:
            if connection.broken:
                self._drain(connection)
                raise _ConnectionLostError(first_line(error)) from error
            # Neither the server nor libpq said anything: it was the deadline.
            cause = first_line(error) if error.sqlstate else f"no answer within {deadline:g} s"
            raise DatabaseUnavailableError(cause) from error
        except psycopg.Error as error:
            _take_values_out(error)
            raise
        finally:
            # A statement that ran into its deadline is still running: only closing gets rid of it.
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                connection.close()
            self._metrics.pool_connections_in_use.dec()
            self._pool.putconn(connection)

    def _get_connection(self, timeout: float, *, must_live: bool) -> DeadlineConnection:
        pool = self._pool.get_stats()
        if pool["pool_size"] != self._size:
            with self._lock:
                self._size = pool["pool_size"]
                self._metrics.pool_connections.set(self._size)
        # A gauge costs as much as a fetched row: it moves when there is something to tell.
        must_wait = not pool["pool_available"]
        if must_wait:
            self._metrics.pool_waiting.inc()
        began = time.perf_counter()
        try:
            # To ask a socket costs every thread a turn: whoever may try again spares it.
            return self._get_live_connection(timeout) if must_live else self._pool.getconn(timeout)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(self._refusal or first_line(error)) from error
        finally:
            self._metrics.pool_wait_seconds.observe(time.perf_counter() - began)
            if must_wait:
                self._metrics.pool_waiting.dec()

    def _get_live_connection(self, timeout: float) -> DeadlineConnection:
        connection = self._pool.getconn(timeout)
        while connection.has_hung_up():
            connection.close()
            self._drain(connection)
            self._pool.putconn(connection)
            connection = self._pool.getconn(timeout)
        return connection

    def _note_refusal(self, refusal: str | None) -> None:
        self._refusal = refusal

    def _drain(self, lost: DeadlineConnection) -> None:
        """Replaces idle connections after one was lost, unless that was done since it was opened."""
        with self._lock:
            if lost.opened_at < self._drained_at:
                return
            self._drained_at = time.monotonic()
        self._pool.drain()

    def _fail_fast(self) -> None:
        if self._is_away.is_set():
            raise DatabaseUnavailableError("waiting for the database to return")

    def _open_circuit(self, error: Exception) -> None:
        with self._lock:
            if self._is_away.is_set() or self._is_closed.is_set():
                return
            self._is_away.set()
        self._metrics.database_outages.inc()
        logger.error("Database unavailable", extra={"cause": str(error)})
        try:
            threading.Thread(target=self._await_return, name="database-probe", daemon=True).start()
        except RuntimeError:
            # Nobody else would close the circuit; whoever fails next tries again.
            self._is_away.clear()
            logger.exception("Database probe failed")

    def _await_return(self) -> None:
        away_since = time.monotonic()
        while not self._is_closed.is_set():
            try:
                self._execute(
                    b"SELECT 1", {}, tuple_row, pool_timeout=PROBE_INTERVAL, deadline=PROBE_INTERVAL
                )
            except DatabaseUnavailableError:
                self._is_closed.wait(PROBE_INTERVAL)
            except Exception:
                # Nobody else closes the circuit, so this thread must outlive whatever it meets.
                logger.exception("Database probe failed")
                self._is_closed.wait(PROBE_INTERVAL)
            else:
                self._is_away.clear()
                away = round(time.monotonic() - away_since, 3)
                logger.warning("Database available again", extra={"away_seconds": away})
                return


def _prepare_nothing(connection: psycopg.Connection[Any]) -> None:
    connection.prepare_threshold = None


def _take_values_out(error: psycopg.Error) -> None:
    """Leaves of the message what may be logged: details quote rows, data exceptions quote what was sent."""
    if error.sqlstate:
        is_about_data = error.sqlstate.startswith(DATA_EXCEPTION)
        primary = None if is_about_data else error.diag.message_primary
        error.args = (f"{primary or 'a value was refused'} (SQLSTATE {error.sqlstate})",)
