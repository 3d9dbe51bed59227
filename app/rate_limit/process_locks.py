"""Locks between processes where the platform has no locks of open file descriptions that we can use."""

import errno
import fcntl
import time

RETRY_SECONDS = 0.001


def lock(fd: int, byte: int) -> None:
    """Locks a byte of the file for this process. Threads of it must exclude each other by other means.

    The kernel looks for deadlocks between processes, and reports one (EDEADLK) where threads of two of them
    wait for each other's bytes. That is none, so it is tried again.
    """
    while True:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX, 1, byte)
        except OSError as error:
            if error.errno != errno.EDEADLK:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def unlock(fd: int, byte: int) -> None:
    fcntl.lockf(fd, fcntl.LOCK_UN, 1, byte)
