"""A connection to PostgreSQL with a deadline for each statement."""

import select
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn
from psycopg.rows import RowFactory, tuple_row
from psycopg.types.string import TextBinaryLoader
from psycopg.waiting import Ready, Wait

from app.database.server_settings import ENCODING
from app.waiting.hub import BLOCKING, Hub
from app.waiting.poller import IN, OUT

Result = TypeVar("Result")

UNKNOWN_TYPE = 0
BYTEA = 17
"""The type's number (pg_type.dat)."""
_ARRAY = struct.Struct(">iiIii")
"""An array's head: dimensions, whether it has nulls, type, length, first index."""
KEY_LENGTH = struct.pack(">i", 32)
BINARY = Format.BINARY
ONE_BINARY = (Format.BINARY,)
EVENTS = {Wait.R: IN, Wait.W: OUT, Wait.RW: IN | OUT}
"""The poller's, by what psycopg waits for."""
READY = {Wait.R: Ready.R, Wait.W: Ready.W, Wait.RW: Ready.RW}
STATEMENT_DEADLINE = 5.0
"""Seconds a statement may take. The client counts them, as a frozen server applies no limit of its own."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A query with one parameter, $1, an array of bytea.

    Attributes:
        name: the prepared statement's.
    """

    name: bytes
    sql: bytes


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose statements end at their deadline, whatever the server does.

    Attributes:
        hub: where its statements wait.
        lent_at: when it left the pool (app/database/connections.py).
        prepares: whether the server keeps what this connection prepares; a pooler's server does not.
    """

    def __init__(self, pgconn: PGconn, row_factory: RowFactory[Any] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.opened_at = time.monotonic()
        self.deadline = STATEMENT_DEADLINE
        self.prepares = True
        self.lent_at = 0.0
        self.hub = BLOCKING
        # Binary results of a type that psycopg does not know, such as an enum's, are text.
        self.adapters.register_loader(UNKNOWN_TYPE, TextBinaryLoader)
        self._rows: dict[bytes, Any] = {}
        self._look_ups: set[bytes] = set()
        """What is prepared; an execution that fails leaves it so."""
        self._socket = select.poll()
        self._socket.register(self.fileno(), select.POLLIN)

    @classmethod
    def connect(  # type: ignore[override]  # the parameters not named here are passed on
        cls,
        conninfo: str = "",
        *,
        on_attempt: Callable[[str | None], None] = lambda _refusal: None,
        hub: Hub = BLOCKING,
        **kwargs: Any,  # noqa: ANN401  # psycopg's own
    ) -> Self:
        """Connects as psycopg does, and passes `on_attempt` the first line of the error, or None.

        Raises:
            psycopg.OperationalError: there is no connection, or it leads to a database that is not UTF-8.
        """
        try:
            connection = super().connect(conninfo, **kwargs)
            connection.hub = hub
            connection.require_encoding()
        except psycopg.OperationalError as error:
            on_attempt(first_line(error))
            raise
        on_attempt(None)
        return connection

    def require_encoding(self) -> None:
        """Closes the connection and raises psycopg.OperationalError where the database is not UTF-8."""
        # A pooler may not tell.
        encoding = self.info.parameter_status("server_encoding") or ENCODING
        if encoding != ENCODING:
            self.close()
            raise psycopg.OperationalError(f"the database's encoding is {encoding}, not {ENCODING}")

    def has_hung_up(self) -> bool:
        """Whether the server has closed this idle connection. Polls the socket, without a round trip."""
        return bool(self._socket.poll(0))

    def look_up(self, query: LookUp, keys: Sequence[bytes]) -> Sequence[tuple[Any, ...]]:
        """The rows of a query for these keys, of 32 bytes each.

        A cursor does the same for three times the CPU, as it looks for the types of parameters and rows each
        time. Here a connection does so once for each query.

        Raises:
            psycopg.Error: the server's.
        """
        value = bytea_array(keys)
        rows = self._rows.get(query.name)
        if self.prepares and query.name not in self._look_ups:
            self.pgconn.send_prepare(query.name, query.sql)
            self._result(ExecStatus.COMMAND_OK)
            self._look_ups.add(query.name)
        if self.prepares:
            self.pgconn.send_query_prepared(query.name, [value], ONE_BINARY, BINARY)
        else:
            self.pgconn.send_query_params(query.sql, [value], None, ONE_BINARY, BINARY)
        try:
            result = self._result(ExecStatus.TUPLES_OK)
        except errors.FeatureNotSupported as error:
            # A migration has changed a column's type: what this connection has prepared fails from now on.
            self.pgconn.finish()
            raise psycopg.OperationalError(first_line(error)) from error
        if rows is None:
            rows = self._rows[query.name] = Transformer.from_context(self)
            rows.set_pgresult(result)
        else:
            rows.set_pgresult(result, set_loaders=False)
        return rows.load_rows(0, result.ntuples, tuple)

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        seconds = self.deadline if timeout is None else timeout
        if not self.hub.has_greenlet():
            return super().wait(gen, interval, seconds)
        deadline = time.monotonic() + seconds
        try:
            wanted = next(gen)
            while True:
                if not self.hub.await_socket(self.pgconn.socket, EVENTS[wanted], deadline):
                    raise psycopg.OperationalError(f"no answer within {seconds:g} s")
                wanted = gen.send(READY[wanted])
        except StopIteration as over:
            result: Result = over.value
            return result

    def _result(self, expected: ExecStatus) -> Any:  # noqa: ANN401  # a PGresult of psycopg's C library
        # A connection that dies may give a second result, about its end.
        result, *_ = self.wait(execute(self.pgconn))
        if result.status != expected:
            raise error_from_result(result, encoding="utf-8")
        return result


def bytea_array(keys: Sequence[bytes]) -> bytes:
    """Keys of 32 bytes as PostgreSQL's binary format has them (array_recv)."""
    return _ARRAY.pack(1, 0, BYTEA, len(keys), 1) + b"".join([KEY_LENGTH + key for key in keys])


def first_line(error: Exception) -> str:
    """The first line of an error. libpq's further lines quote the statement, or repeat."""
    return str(error).partition("\n")[0]
