"""A connection to PostgreSQL on which nothing waits for ever."""

import select
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import RowFactory, tuple_row

Result = TypeVar("Result")

STATEMENT_DEADLINE = 5.0
"""Seconds a statement may take as seen from here: a frozen server keeps none of its own limits."""


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection on which no statement waits longer than its deadline, whatever the server does."""

    def __init__(self, pgconn: PGconn, row_factory: RowFactory[Any] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.opened_at = time.monotonic()
        self.deadline = STATEMENT_DEADLINE
        self._socket = select.poll()
        self._socket.register(self.fileno(), select.POLLIN)

    @classmethod
    def connect(  # type: ignore[override]  # the parameters not named here are passed on
        cls,
        conninfo: str = "",
        *,
        note: Callable[[str | None], None] = lambda _refusal: None,
        **kwargs: Any,  # noqa: ANN401  # psycopg's own
    ) -> Self:
        """As psycopg's; notes why there is no connection, for those who wait for one, or None."""
        try:
            connection = super().connect(conninfo, **kwargs)
        except psycopg.OperationalError as error:
            note(first_line(error))
            raise
        note(None)
        return connection

    def has_hung_up(self) -> bool:
        """Whether the server closed this idle connection, as its socket tells without a round trip."""
        return bool(self._socket.poll(0))

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        return super().wait(gen, interval, self.deadline if timeout is None else timeout)


def first_line(error: Exception) -> str:
    """What libpq says first; the rest quotes and repeats."""
    return str(error).partition("\n")[0]
