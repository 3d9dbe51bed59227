"""Looks over PostgreSQL's shoulder while something runs."""

import threading
from types import TracebackType
from typing import Self

import psycopg

INTERVAL = 0.005
WATCH = """
    SELECT extract(epoch FROM coalesce(max(clock_timestamp() - xact_start), '0'))::float8,
           (SELECT extract(epoch FROM coalesce(max(clock_timestamp() - waitstart), '0'))::float8
            FROM pg_locks)
    FROM pg_stat_activity
    WHERE application_name = %s AND state <> 'idle'
"""


class LockWatcher:
    """Samples until the end of its with block.

    Args:
        url: any database of the server.
        application_name: whose transactions are timed.

    Attributes:
        transaction: seconds of the longest transaction seen.
        wait: seconds of the longest wait for a lock seen, whoever waited.
        samples: how often it looked.
    """

    def __init__(self, url: str, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.transaction = 0.0
        self.wait = 0.0
        self.samples = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._is_over.wait(INTERVAL):
                row = connection.execute(WATCH, (self._application_name,)).fetchone()
                if row:
                    self.transaction = max(self.transaction, row[0])
                    self.wait = max(self.wait, row[1])
                    self.samples += 1
