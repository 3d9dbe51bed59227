"""Watches PostgreSQL's transactions and lock waits while something else runs."""

import threading
from types import TracebackType
from typing import Self

import psycopg

INTERVAL_SECONDS = 0.005
WATCH = """
    SELECT extract(epoch FROM coalesce(max(clock_timestamp() - xact_start), '0'))::float8,
           (SELECT extract(epoch FROM coalesce(max(clock_timestamp() - waitstart), '0'))::float8
            FROM pg_locks)
    FROM pg_stat_activity
    WHERE application_name = %s AND state <> 'idle'
"""


class LockWatcher:
    """Looks every few milliseconds, from the beginning of its `with` block to the end.

    Args:
        url: a database of the server to watch.
        application_name: the client whose transactions it times.

    Attributes:
        transaction: the longest transaction of that client, in seconds.
        wait: the longest wait of any client for a lock, in seconds.
        samples: how many times it looked.
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
            while not self._is_over.wait(INTERVAL_SECONDS):
                row = connection.execute(WATCH, (self._application_name,)).fetchone()
                if row:
                    self.transaction = max(self.transaction, row[0])
                    self.wait = max(self.wait, row[1])
                    self.samples += 1
