"""PostgreSQL for one worker process: bounded waits, and a circuit breaker."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import BaseRowFactory, tuple_row

from app.database.connection import STATEMENT_DEADLINE, DeadlineConnection, LookUp, first_line
from app.database.connections import Connections, ConnectionsLentError
from app.database.server_settings import service_conninfo
from app.database.shared_look_up import SharedLookUp
from app.errors import DatabaseReadOnlyError, DatabaseUnavailableError
from app.telemetry.metrics import Metrics
from app.waiting.bulkhead import Bulkhead, BulkheadFullError
from app.waiting.hub import BLOCKING, Hub

Row = TypeVar("Row")
Result = TypeVar("Result")

POOL_TIMEOUT = 3.0
PROBE_INTERVAL = 1.0
PROBE_TIMEOUT = 0.5

DATA_EXCEPTION = "22"
"""The class of SQLSTATE whose messages quote values (PostgreSQL, appendix A)."""

logger = logging.getLogger(__name__)


class _ConnectionLostError(DatabaseUnavailableError):
    """The connection was lost during a statement, which may or may not have run."""


class _StatementRefusedError(DatabaseUnavailableError):
    """The server answered, and refused this one statement for now, because of what others do."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How many seconds an attempt may take, and whether none follows where its connection is lost.

    Attributes:
        ends_outage: its success closes the circuit.
    """

    pool_timeout: float = POOL_TIMEOUT
    deadline: float = STATEMENT_DEADLINE
    is_last: bool = True
    ends_outage: bool = False


FIRST = _Attempt(is_last=False)
LAST = _Attempt()
PROBE = _Attempt(pool_timeout=PROBE_TIMEOUT, deadline=PROBE_TIMEOUT)
CIRCUIT_PROBE = _Attempt(pool_timeout=PROBE_INTERVAL, deadline=PROBE_INTERVAL, ends_outage=True)


class Database:
    """Runs single statements, each in a transaction of its own.

    Where no answer comes in time, the circuit opens: every call then fails at once, while a thread tries
    once a second whether the server is back.

    Args:
        url: libpq's.
        metrics: tell the pool's state and waits.
        pool_max: connections at most.
        hub: where requests wait.
        bulkhead: bounds how many do.
        through_pooler: whether the URL leads to a transaction pooler such as PgBouncer. Each statement may
            then meet another server connection, so no statement is prepared.
    """

    def __init__(
        self,
        *,
        url: str,
        metrics: Metrics,
        pool_max: int,
        hub: Hub = BLOCKING,
        bulkhead: Bulkhead | None = None,
        through_pooler: bool = False,
    ) -> None:
        self._hub = hub
        conninfo = service_conninfo(url, through_pooler=through_pooler)
        self._connections = Connections(
            conninfo, most=pool_max, prepares=not through_pooler, hub=hub, metrics=metrics
        )
        self._bulkhead = bulkhead or Bulkhead()
        self._metrics = metrics
        self._metrics.pool_max_connections.set(pool_max)
        self._is_away = threading.Event()
        self._is_closed = threading.Event()
        self._lock = threading.Lock()

    def open(self) -> None:
        """Starts to connect, in the background. Call it after the fork."""
        self._connections.open()

    def close(self) -> None:
        self._is_closed.set()
        self._connections.close()

    def shared_look_up(self, query: LookUp) -> Callable[[bytes], tuple[Any, ...] | None]:
        """A function that returns a key's row of a query which may run twice, or None.

        It raises DatabaseUnavailableError where no answer comes in time.
        """
        shared = SharedLookUp(partial(self._look_up, query), hub=self._hub)
        return partial(self._admitted, shared.find)

    def run_repeatable(
        self, query: bytes, params: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> Sequence[Row]:
        """The rows of a statement that may run twice: it is tried again where its connection is lost.

        Raises:
            DatabaseUnavailableError: no answer, or not in time.
        """
        return self._admitted(self._repeatable, _run_statement, query, params, row_factory)

    def run_once(
        self, query: bytes, params: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> Sequence[Row]:
        """The rows of a statement that must not run twice.

        Raises:
            DatabaseUnavailableError: no answer, or not in time; the statement may have run.
        """
        return self._admitted(self._guarded, LAST, _run_statement, query, params, row_factory)

    def probe(self, query: bytes) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement that has one second, waits included. Its failure does not open the circuit.

        Raises:
            DatabaseUnavailableError: no answer within that second.
        """
        return self._admitted(self._execute, PROBE, _run_statement, query, {}, tuple_row)

    def _admitted(self, work: Callable[..., Result], *args: object) -> Result:
        """Fails at once while the circuit is open, or where no thread may be spared for the database."""
        self._fail_fast()
        try:
            entered_at = self._bulkhead.enter()
        except BulkheadFullError as error:
            raise DatabaseUnavailableError("other threads wait for the database or a provider") from error
        try:
            return work(*args)
        finally:
            self._bulkhead.leave(entered_at)

    def _look_up(self, query: LookUp, keys: Sequence[bytes]) -> Sequence[tuple[Any, ...]]:
        self._fail_fast()
        return self._repeatable(DeadlineConnection.look_up, query, keys)

    def _repeatable(self, run: Callable[..., Result], *args: object) -> Result:
        try:
            return self._guarded(FIRST, run, *args)
        except _ConnectionLostError:
            self._fail_fast()
            return self._guarded(LAST, run, *args)

    def _guarded(self, attempt: "_Attempt", run: Callable[..., Result], *args: object) -> Result:
        """Opens the circuit where the last attempt fails."""
        try:
            return self._execute(attempt, run, *args)
        except DatabaseUnavailableError as error:
            is_lost = isinstance(error, _ConnectionLostError)
            is_refused = isinstance(
                error, (_StatementRefusedError, ConnectionsLentError, DatabaseReadOnlyError)
            )
            if not is_refused and (attempt.is_last or not is_lost):
                self._open_circuit(error)
            raise

    def _execute(self, attempt: "_Attempt", run: Callable[..., Result], *args: object) -> Result:
        # Polling the socket releases the GIL, and the first try of a read is repeated anyway.
        connection = self._connections.lend(attempt.pool_timeout, is_checked=attempt.is_last)
        connection.deadline = attempt.deadline
        try:
            if not attempt.ends_outage:
                # The circuit may have opened while this request waited for the connection.
                self._fail_fast()
            return run(connection, *args)
        except errors.ReadOnlySqlTransaction as error:
            # The primary has become a standby. A new connection may reach the new primary.
            connection.close()
            self._connections.drain(connection)
            raise DatabaseReadOnlyError(first_line(error)) from error
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise _StatementRefusedError(first_line(error)) from error
        except psycopg.OperationalError as error:
            if connection.broken:
                self._connections.drain(connection)
                raise _ConnectionLostError(first_line(error)) from error
            # Without an SQLSTATE and with the connection still there, it was the deadline.
            cause = first_line(error) if error.sqlstate else f"no answer within {attempt.deadline:g} s"
            raise DatabaseUnavailableError(cause) from error
        except psycopg.Error as error:
            _take_values_out(error)
            raise
        finally:
            # After a deadline the statement still runs; closing the connection is the only way to stop it.
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                connection.close()
            self._connections.take_back(connection)

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
            # Without that thread nothing closes the circuit, so it must not stay open.
            self._is_away.clear()
            logger.exception("Database probe failed")

    def _await_return(self) -> None:
        away_since = time.monotonic()
        while not self._is_closed.is_set():
            try:
                self._execute(CIRCUIT_PROBE, _run_statement, b"SELECT 1", {}, tuple_row)
            except DatabaseUnavailableError:
                self._is_closed.wait(PROBE_INTERVAL)
            except Exception:
                # Only this thread closes the circuit, so no error may end it.
                logger.exception("Database probe failed")
                self._is_closed.wait(PROBE_INTERVAL)
            else:
                self._is_away.clear()
                away = round(time.monotonic() - away_since, 3)
                logger.warning("Database available again", extra={"away_seconds": away})
                return


def _run_statement(
    connection: DeadlineConnection,
    query: bytes,
    params: Mapping[str, object],
    row_factory: BaseRowFactory[Row],
) -> Sequence[Row]:
    # Binary results are the same under any setting of the server; text follows DateStyle and others.
    with connection.cursor(binary=True, row_factory=row_factory) as cursor:
        cursor.execute(query, params)
        return cursor.fetchall() if cursor.description else []


def _take_values_out(error: psycopg.Error) -> None:
    """Removes what must not be logged: details quote rows, and data exceptions quote values."""
    if error.sqlstate:
        primary = None if error.sqlstate.startswith(DATA_EXCEPTION) else error.diag.message_primary
        error.args = (f"{primary or 'a value was refused'} (SQLSTATE {error.sqlstate})",)
