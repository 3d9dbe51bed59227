"""Memory that every process of this replica sees, and locks on it that no dead process can keep."""

import fcntl
import functools
import mmap
import os
import secrets
import struct
import threading
from types import TracebackType

TABLES = 3
"""One for each policy."""
SETS = 8192
WAYS = 16
SHARDS = 64

_FLOCK = struct.Struct("hhqqi4x")
"""Linux's `struct flock` on 64-bit machines: type, whence, start, length, pid."""


class SharedMemory:
    """Tables of slots, grouped into sets, and a flag; all zero at first, and never larger than at first.

    A set is WAYS tags, then WAYS times, 8 bytes each. Whoever makes it before a fork shares it with its
    children.

    Attributes:
        words: all of it, as numbers of 64 bits.
        secret: of 16 bytes; hashes keyed with it place the keys, so that nobody outside can aim.
    """

    def __init__(self, *, tables: int = TABLES, sets: int = SETS) -> None:
        self.tables = tables
        self.sets = sets
        self.secret = secrets.token_bytes(16)
        self._fd = os.memfd_create("rate-limit")
        os.ftruncate(self._fd, (tables * self.table_words + 1) * 8)
        self._map = mmap.mmap(self._fd, 0)
        self.words = memoryview(self._map).cast("Q")

    @property
    def table_words(self) -> int:
        """How many words further the next table begins."""
        return self.sets * 2 * WAYS

    def reopen(self) -> int:
        """A file descriptor of this process's own, to lock by."""
        return os.open(f"/proc/self/fd/{self._fd}", os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        self.words.release()
        self._map.close()
        os.close(self._fd)


@functools.cache
def inherited_memory() -> SharedMemory:
    """The memory of this family of processes.

    The arbiter asks first, before it forks. It keeps the answer over SIGHUP, which reads its settings file
    again, but imports no module a second time.
    """
    return SharedMemory()


class ShardLock:
    """Excludes the other threads of this process, then the other processes; dead ones hold nothing.

    A lock of the open file description (`F_OFD_SETLKW`), not of the process: for the latter kind the kernel
    looks for deadlocks between processes, and finds some where threads of two wait for one another's shards
    (EDEADLK). It needs a description that is not inherited.
    """

    def __init__(self, fd: int, shard: int) -> None:
        self._fd = fd
        self._thread_lock = threading.Lock()
        self._claim = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, shard, 1, 0)
        self._release = _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, shard, 1, 0)

    def __enter__(self) -> None:
        self._thread_lock.acquire()
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLKW, self._claim)
        except BaseException:
            self._thread_lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, self._release)
        finally:
            self._thread_lock.release()


class SharedFlag:
    """A yes or no that all processes share: the last word of the memory.

    Args:
        memory: shared with the other processes.
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._words = memory.words
        self._fd = memory.reopen()
        self._lock = ShardLock(self._fd, SHARDS)

    def change(self, *, is_set: bool) -> bool:
        """Sets it; returns whether that was news."""
        with self._lock:
            is_news = bool(self._words[-1]) != is_set
            self._words[-1] = is_set
        return is_news

    def close(self) -> None:
        os.close(self._fd)
