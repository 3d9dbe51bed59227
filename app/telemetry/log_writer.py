"""Standard output for those who must not wait for whoever reads it."""

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

LIMIT = 10_000
"""Lines of a worker that may wait; more are dropped, and counted."""
PAUSE = 0.02
"""Seconds in which lines gather before they are written."""
CLOSE_PATIENCE = 1.0
"""Seconds that the last lines have to be written; the next worker waits for them."""
CHUNK = 4096
"""Bytes of a write that no other process's can come between (PIPE_BUF, pipe(7))."""
ROOM_PATIENCE_MILLISECONDS = 100

logger = logging.getLogger(__name__)


class LogWriter:
    """A stream for logging's StreamHandler, written by a thread of its own: for a worker.

    Args:
        fd: the file descriptor to write to.
        on_drop: told how many lines were dropped, once lines go through again or it closes.
        limit: lines that may wait.
    """

    def __init__(self, fd: int, on_drop: Callable[[int], object], *, limit: int = LIMIT) -> None:
        self._fd = fd
        self._on_drop = on_drop
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._has_lines = threading.Event()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Takes a line, from any thread."""
        if len(self._lines) >= self._limit:
            with self._lock:
                self._dropped += 1
            return
        self._lines.append(line.encode("utf-8", "backslashreplace"))
        if not self._has_lines.is_set():
            self._has_lines.set()

    def flush(self) -> None:
        """Does nothing: to wait is what nobody here shall do."""

    def close(self) -> None:
        """Writes what waits, if that is possible in CLOSE_PATIENCE; counts the rest as dropped."""
        self._is_closed.set()
        self._has_lines.set()
        self._thread.join(CLOSE_PATIENCE)
        with self._lock:
            # The thread finds nothing left of this; what it is just writing may still go through.
            left = len(self._lines) + self._in_flight + self._dropped
            self._lines.clear()
            self._in_flight = self._dropped = 0
        if left:
            self._on_drop(left)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            self._has_lines.wait()
            self._is_closed.wait(PAUSE)
            self._has_lines.clear()
            self._write_out()
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._on_drop(dropped)
                logger.warning("Log lines dropped", extra={"count": dropped})
        # What came while the last were written.
        self._write_out()

    def _write_out(self) -> None:
        while self._lines:
            chunk = self._next_chunk()
            while chunk:
                try:
                    chunk = chunk[os.write(self._fd, chunk) :]
                except BlockingIOError:
                    time.sleep(PAUSE)
                except OSError:
                    # Nobody reads any more, or the disk is full; there is no other place to say so.
                    break
            with self._lock:
                lost, self._in_flight = self._in_flight if chunk else 0, 0
            if lost:
                self._on_drop(lost)

    def _next_chunk(self) -> bytes:
        """As many lines as fit into a chunk, at least one; none when close() was faster."""
        with self._lock:
            lines: list[bytes] = []
            size = 0
            while self._lines and (not lines or size + len(self._lines[0]) <= CHUNK):
                size += len(self._lines[0])
                lines.append(self._lines.popleft())
            self._in_flight = len(lines)
        return b"".join(lines)


class ImpatientWriter:
    """A stream that drops what there is no room for: for a process that forks, and seldom says something."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)
        self._is_cut = False

    def write(self, line: str) -> None:
        # Behind half a line, this one could be read no more than that.
        whole = (b"\n" if self._is_cut else b"") + line.encode("utf-8", "backslashreplace")
        rest = whole
        with suppress(OSError):
            # A pipe that is ready has room for CHUNK bytes.
            while rest and self._room.poll(ROOM_PATIENCE_MILLISECONDS):
                rest = rest[os.write(self._fd, rest[:CHUNK]) :]
        if written := whole.removesuffix(rest):
            self._is_cut = not written.endswith(b"\n")

    def flush(self) -> None:
        """Does nothing: nothing is held back."""
