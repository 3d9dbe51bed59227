"""The greenlets of a worker: as many as may have a request in hand at a time."""

from collections import deque
from collections.abc import Callable

from greenlet import getcurrent, greenlet

from app.server.connection import Connection


class Runners:
    """Greenlets that go on with connections. Where all have one that waits, further connections queue.

    Args:
        count: of greenlets.
        go_on: takes the next step of a connection.
    """

    def __init__(self, count: int, go_on: Callable[[Connection], object]) -> None:
        self._go_on = go_on
        self._loop = getcurrent()
        self._idle = [greenlet(self._run) for _ in range(count)]
        self._queue: deque[Connection] = deque()

    def run(self, conn: Connection) -> None:
        """Takes the connection's next step, now or as soon as a greenlet is free."""
        conn.is_waiting = False
        if self._idle:
            self._idle.pop().switch(conn)
        else:
            self._queue.append(conn)

    def _run(self, conn: Connection) -> None:
        me = getcurrent()
        while True:
            self._go_on(conn)
            if self._queue:
                conn = self._queue.popleft()
            else:
                self._idle.append(me)
                conn = self._loop.switch()
