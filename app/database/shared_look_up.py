"""Requests that look something up at the same time share a statement."""

from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.database.connection import STATEMENT_DEADLINE
from app.errors import DatabaseUnavailableError
from app.waiting.hub import Event, Hub

Row = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class _Request:
    """A request that waits for the statement of another one.

    Attributes:
        changed: set once there is an answer, or it is this request's turn to ask.
        answer: returns or raises it.
    """

    key: bytes
    changed: Event
    answer: Callable[[], Row | None] | None = None


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
            return self._ask_for(key)
        if self._is_asking:
            me = self._wait(key)
            if me.answer:
                return me.answer()
        return self._ask_for_all(key)

    def _ask_for(self, key: bytes) -> Row | None:
        return next(iter(self._ask([key])), None)

    def _wait(self, key: bytes) -> _Request:
        me = _Request(key, self._hub.event())
        self._waiting.append(me)
        if not me.changed.wait(STATEMENT_DEADLINE):
            if me in self._waiting:
                self._waiting.remove(me)
            raise DatabaseUnavailableError(f"no answer within {STATEMENT_DEADLINE:g} s")
        return me

    def _ask_for_all(self, key: bytes) -> Row | None:
        self._is_asking = True
        others, self._waiting = self._waiting, deque()
        answer: Callable[[bytes], Row | None] = self._ask_for
        try:
            rows = {row[0]: row for row in self._ask([key, *(other.key for other in others)])}
            answer = rows.get
        except DatabaseUnavailableError as error:
            answer = partial(_raise_copy, error)
        except Exception:
            # Somebody's row may be the reason, so each asks alone.
            if not others:
                raise
        finally:
            for other in others:
                other.answer = partial(answer, other.key)
                other.changed.set()
            self._pass_on()
        return answer(key)

    def _pass_on(self) -> None:
        """Lets the one who came last ask next, for all: it has waited least of its time."""
        self._is_asking = bool(self._waiting)
        if self._waiting:
            self._waiting.pop().changed.set()


def _raise_copy(error: DatabaseUnavailableError, _key: bytes) -> Row | None:
    """Each that is raised gets a traceback of its own."""
    raise copy(error)
