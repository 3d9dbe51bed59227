"""Memory that all processes of this replica share, with locks that a killed process cannot keep."""

import fcntl
import functools
import mmap
import os
import secrets
import struct
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from app.rate_limit import process_locks

TABLES = 9
"""One for each policy and size of network."""
SETS = 8192
WAYS = 16
SHARDS = 64

_HAS_OWN_LOCKS = hasattr(fcntl, "F_OFD_SETLKW") and Path("/proc/self/fd").is_dir()
"""Whether an open file description can have locks, and the memory can be opened a second time. Linux."""
_FLOCK = struct.Struct("hhqqi4x")
"""Linux's `struct flock` on 64-bit machines: type, whence, start, length, pid."""


class SharedMemory:
    """Tables of slots, grouped into sets, and a flag. All zero at first; the size never changes.

    A set is WAYS tags, then WAYS times, 8 bytes each. Processes forked after it was made share it.

    Attributes:
        words: all of it, as 64-bit numbers.
        secret: 16 bytes that key the hash of a client, so that nobody outside can choose a set.
    """

    def __init__(self, *, tables: int = TABLES, sets: int = SETS) -> None:
        self.tables = tables
        self.sets = sets
        self.secret = secrets.token_bytes(16)
        self._fd = _make_file()
        os.ftruncate(self._fd, (tables * self.table_words + 1) * 8)
        self._map = mmap.mmap(self._fd, 0)
        self.words = memoryview(self._map).cast("Q")

    @property
    def table_words(self) -> int:
        """Words in a table."""
        return self.sets * 2 * WAYS

    def reopen(self) -> int:
        """A descriptor for locks: of an open file of this process's own, where the platform can do that."""
        if not _HAS_OWN_LOCKS:
            return os.dup(self._fd)
        return os.open(f"/proc/self/fd/{self._fd}", os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        self.words.release()
        self._map.close()
        os.close(self._fd)


def _make_file() -> int:
    """A file without a name: in memory on Linux, elsewhere in the folder for temporary files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("rate-limit")
    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())


@functools.cache
def inherited_memory() -> SharedMemory:
    """The memory that gunicorn's master and its workers share.

    The master makes it before it forks. SIGHUP reads gunicorn_conf.py again, but not this module, so the
    memory stays.
    """
    return SharedMemory()


class ShardLock:
    """Excludes the other threads of this process, then the other processes. A process's death frees it.

    It is a lock of the open file description (`F_OFD_SETLKW`). For locks of a process the kernel looks for
    deadlocks, and reports one (EDEADLK) where threads of two processes wait for each other's shards, which is
    none. The description must not be inherited. Other platforms have only locks of a process.
    """

    def __init__(self, fd: int, shard: int) -> None:
        self._fd = fd
        self._shard = shard
        self._thread_lock = threading.Lock()
        self._claim = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, shard, 1, 0)
        self._release = _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, shard, 1, 0)

    def __enter__(self) -> None:
        self._thread_lock.acquire()
        try:
            if _HAS_OWN_LOCKS:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLKW, self._claim)
            else:
                process_locks.lock(self._fd, self._shard)
        except BaseException:
            self._thread_lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if _HAS_OWN_LOCKS:
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, self._release)
            else:
                process_locks.unlock(self._fd, self._shard)
        finally:
            self._thread_lock.release()


class SharedFlag:
    """A flag that all processes share: the last word of the memory.

    Args:
        memory: shared with the other processes.
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._words = memory.words
        self._fd = memory.reopen()
        self._lock = ShardLock(self._fd, SHARDS)

    def change(self, *, is_set: bool) -> bool:
        """Sets or clears it; returns whether that changed it."""
        with self._lock:
            is_changed = bool(self._words[-1]) != is_set
            self._words[-1] = is_set
        return is_changed

    def close(self) -> None:
        os.close(self._fd)
