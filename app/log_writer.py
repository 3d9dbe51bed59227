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
        """Writes what waits, if that is possible in CLOSE_PATIENCE."""
        self._is_closed.set()
        self._has_lines.set()
        self._thread.join(CLOSE_PATIENCE)
        if left := len(self._lines) + self._dropped:
            self._on_drop(left)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            self._has_lines.wait()
            self._is_closed.wait(PAUSE)
            self._has_lines.clear()
            self._write_out()
            if self._dropped:
                with self._lock:
                    dropped, self._dropped = self._dropped, 0
                self._on_drop(dropped)
                logger.warning("Log lines dropped", extra={"count": dropped})
        # What came while the last were written.
        self._write_out()

    def _write_out(self) -> None:
        while self._lines:
            lines = self._next_lines()
            chunk = b"".join(lines)
            while chunk:
                try:
                    chunk = chunk[os.write(self._fd, chunk) :]
                except BlockingIOError:
                    time.sleep(PAUSE)
                except OSError:
                    # Nobody reads any more, or the disk is full; there is no other place to say so.
                    self._on_drop(len(lines))
                    break

    def _next_lines(self) -> list[bytes]:
        """As many as fit into a chunk, at least one."""
        lines = [self._lines.popleft()]
        size = len(lines[0])
        while self._lines and size + len(self._lines[0]) <= CHUNK:
            size += len(self._lines[0])
            lines.append(self._lines.popleft())
        return lines


class ImpatientWriter:
    """A stream that drops what there is no room for: for a process that forks, and seldom says something."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)

    def write(self, line: str) -> None:
        rest = line.encode("utf-8", "backslashreplace")
        with suppress(OSError):
            # A pipe that is ready has room for CHUNK bytes.
            while rest and self._room.poll(ROOM_PATIENCE_MILLISECONDS):
                rest = rest[os.write(self._fd, rest[:CHUNK]) :]

    def flush(self) -> None:
        """Does nothing: nothing is held back."""
