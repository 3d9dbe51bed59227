"""Requests that look something up at the same time share a statement."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.database.connection import STATEMENT_DEADLINE
from app.errors import DatabaseUnavailableError
from app.waiting.hub import Event, Hub

Row = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class _Request:
    """A request that waits for the statement of another one.

    Attributes:
        changed: set once one of the following is.
        is_next: it asks now, for everybody who waits.
        is_asked: the answer of the other's statement is `row` or `error`.
    """

    key: bytes
    changed: Event
    is_next: bool = False
    is_asked: bool = False
    row: Row | None = None
    error: Exception | None = None


class SharedLookUp:
    """Looks rows up by a key. A request that comes during a statement waits for the next one.

    So every answer is from a statement that began after its request had come. Only greenlets share: threads
    would have to pass on the lock of the interpreter with each answer.

    Args:
        ask: the rows of some keys, which are their first column.
        hub: where requests wait.
    """

    def __init__(self, ask: Callable[[Sequence[bytes]], Sequence[Row]], *, hub: Hub) -> None:
        self._ask = ask
        self._hub = hub
        self._waiting: deque[_Request] = deque()
        self._is_asking = False

    def find(self, key: bytes) -> Row | None:
        """The key's row, or None.

        Raises:
            DatabaseUnavailableError: no answer, or not in time.
        """
        if not self._hub.has_greenlet():
            return next(iter(self._ask([key])), None)
        if self._is_asking:
            me = self._wait(key)
            if me.error:
                raise me.error
            if me.is_asked:
                return me.row
        return self._ask_for_all(key)

    def _wait(self, key: bytes) -> _Request:
        me = _Request(key, self._hub.event())
        self._waiting.append(me)
        me.changed.wait(STATEMENT_DEADLINE)
        if not (me.is_next or me.is_asked):
            if me in self._waiting:
                self._waiting.remove(me)
            raise DatabaseUnavailableError(f"no answer within {STATEMENT_DEADLINE:g} s")
        return me

    def _ask_for_all(self, key: bytes) -> Row | None:
        self._is_asking = True
        others, self._waiting = self._waiting, deque()
        error: Exception | None = None
        rows: dict[bytes, Row] = {}
        try:
            rows = {row[0]: row for row in self._ask([key, *(other.key for other in others)])}
        except Exception as raised:
            error = raised
            raise
        finally:
            for other in others:
                other.is_asked, other.row, other.error = True, rows.get(other.key), error
                other.changed.set()
            self._pass_on()
        return rows.get(key)

    def _pass_on(self) -> None:
        """Lets the one who has waited longest ask next."""
        self._is_asking = bool(self._waiting)
        if self._waiting:
            following = self._waiting.popleft()
            following.is_next = True
            following.changed.set()
