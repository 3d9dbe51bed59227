"""Streams to standard output that never wait for its reader."""

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

LIMIT = 10_000
"""Lines of a worker that may wait. Further ones are dropped and counted."""
PAUSE = 0.02
"""Seconds that lines gather before they are written."""
CLOSE_PATIENCE = 1.0
"""Seconds for the last lines when a worker ends; its successor starts after that."""
CHUNK = 4096
"""Bytes that one write puts into a pipe in one piece (PIPE_BUF, pipe(7))."""
ROOM_PATIENCE_MILLISECONDS = 100

logger = logging.getLogger(__name__)


class LogWriter:
    """A worker's stream for logging's StreamHandler. A thread of its own writes the lines.

    Args:
        fd: the file descriptor to write to.
        on_drop: told how many lines were dropped, once lines go through again, or at `close`.
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
        """Takes a line from any thread."""
        if len(self._lines) >= self._limit:
            with self._lock:
                self._dropped += 1
            return
        self._lines.append(line.encode("utf-8", "backslashreplace"))
        if not self._has_lines.is_set():
            self._has_lines.set()

    def flush(self) -> None:
        """Does nothing, as it would have to wait."""

    def close(self) -> None:
        """Writes the waiting lines within CLOSE_PATIENCE; those that are left count as dropped."""
        self._is_closed.set()
        self._has_lines.set()
        self._thread.join(CLOSE_PATIENCE)
        with self._lock:
            # The thread finds no more lines. Those it is writing may still go through.
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
        # Lines may have come during the last write.
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
                    # The reader is gone or the disk is full, and there is no other place to report it.
                    break
            with self._lock:
                lost, self._in_flight = self._in_flight if chunk else 0, 0
            if lost:
                self._on_drop(lost)

    def _next_chunk(self) -> bytes:
        """As many lines as fit into a chunk, at least one; none where `close` has taken them."""
        with self._lock:
            lines: list[bytes] = []
            size = 0
            while self._lines and (not lines or size + len(self._lines[0]) <= CHUNK):
                size += len(self._lines[0])
                lines.append(self._lines.popleft())
            self._in_flight = len(lines)
        return b"".join(lines)


class ImpatientWriter:
    """A stream that drops lines where there is no room: for the master, which forks and logs seldom."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)
        self._is_cut = False

    def write(self, line: str) -> None:
        # After half a line, a line end keeps this one readable.
        whole = (b"\n" if self._is_cut else b"") + line.encode("utf-8", "backslashreplace")
        rest = whole
        with suppress(OSError):
            # A pipe that is ready has room for CHUNK bytes.
            while rest and self._room.poll(ROOM_PATIENCE_MILLISECONDS):
                rest = rest[os.write(self._fd, rest[:CHUNK]) :]
        if written := whole.removesuffix(rest):
            self._is_cut = not written.endswith(b"\n")

    def flush(self) -> None:
        """Does nothing, as `write` holds nothing back."""
