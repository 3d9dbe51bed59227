"""A migration that waits for a table makes nobody else wait for long."""

import threading
import time
from io import StringIO
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from tests.migrations.conftest import MakeRunner
from tests.support.waiting import until

LOCK_TIMEOUT = 2.0
NOISE = 0.5
"""Seconds on top of the lock timeout, for the server to give up, let the reader in, and answer."""


class Reader:
    """Reads a table over and over; knows how long the longest read took, in seconds."""

    def __init__(self, url: str) -> None:
        self.longest = 0.0
        self.count = 0
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.is_set():
                began = time.monotonic()
                connection.execute("SELECT count(*) FROM one")
                self.longest = max(self.longest, time.monotonic() - began)
                self.count += 1


def alter_behind_blocker(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any], url: str, *, seconds: float
) -> Reader:
    """Alters a table that an open transaction has read; the transaction ends after so many seconds."""
    make_runner().up()
    (folder / "0003_alter.sql").write_text("ALTER TABLE one ADD COLUMN name text;\n")
    output = StringIO()
    runner = make_runner(output, wait=120.0)
    thread = threading.Thread(target=runner.up)
    with Reader(url) as reader:
        with other.transaction():
            other.execute("SELECT * FROM one")
            began = time.monotonic()
            thread.start()

            def has_backed_off() -> bool:
                long_enough = time.monotonic() - began > seconds
                return long_enough and "A table is in use by others" in output.getvalue()

            until(has_backed_off, seconds=seconds + 20, what="the runner backs off")
        thread.join(60)
    assert "   - 0003_alter" in output.getvalue()
    assert other.execute("SELECT name FROM one").fetchall() == [(None,)]
    return reader


def test_readers_go_on_while_an_alter_waits_and_it_goes_in_when_it_can(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any], url: str
) -> None:
    reader = alter_behind_blocker(make_runner, folder, other, url, seconds=2.0)
    assert reader.count > 10
    assert reader.longest < LOCK_TIMEOUT * 3  # threefold slack


@pytest.mark.full
def test_no_reader_waits_longer_than_the_lock_timeout_behind_thirty_seconds(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any], url: str
) -> None:
    reader = alter_behind_blocker(make_runner, folder, other, url, seconds=30.0)
    assert reader.longest < LOCK_TIMEOUT + NOISE
