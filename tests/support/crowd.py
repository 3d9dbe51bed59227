"""A family of processes over one memory, as gunicorn's are; prints what it came to.

python -m tests.support.crowd spend    processes of several threads spend one limit, and others beside it
python -m tests.support.crowd network  the same, each request from another client of one network
python -m tests.support.crowd die      a process dies holding a lock; another asks for it
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy
from app.rate_limit.shared_memory import SHARDS, ShardLock, SharedMemory

PROCESSES = 4
THREADS = 3
REQUESTS = 3000
POLICY = Policy("default", Limit(5000, 366 * 86400))
NETWORK_POLICY = Policy("default", Limit(300, 366 * 86400))


def spend() -> int:
    """How many requests of one client all processes admitted together."""
    return _admitted(POLICY, lambda _thread, _number: [b"one"])


def spend_as_network() -> int:
    """How many requests of one network all processes admitted together, each from another client."""

    def client(thread: int, number: int) -> list[bytes]:
        return [b"%d %d %d" % (os.getpid(), thread, number), b"net %d" % (number % 8), b"all"]

    return _admitted(NETWORK_POLICY, client)


def _admitted(policy: Policy, client: Callable[[int, int], list[bytes]]) -> int:
    memory = SharedMemory()
    results, end = os.pipe()
    children = []
    for _ in range(PROCESSES):
        if (child := os.fork()) == 0:
            os.write(end, b"%d\n" % _spend_in_threads(MemoryStore(memory, [policy]), policy, client))
            os._exit(0)
        children.append(child)
    os.close(end)
    for child in children:
        if os.waitpid(child, 0)[1] != 0:
            raise RuntimeError("a process failed")
    with os.fdopen(results) as lines:
        return sum(int(line) for line in lines)


def _spend_in_threads(store: MemoryStore, policy: Policy, client: Callable[[int, int], list[bytes]]) -> int:
    admitted: list[bool] = []

    def ask(thread: int) -> None:
        for number in range(REQUESTS):
            admitted.append(store.spend(client(thread, number), [policy]).is_admitted)
            # Others, in other shards: where the kernel might take waiting for deadlock.
            store.spend([b"%d %d" % (thread, number)], [policy])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(admitted) != THREADS * REQUESTS:
        os._exit(1)
    return sum(admitted)


def die() -> str:
    """How many shards are free while a process holds them all, and after it was killed."""
    memory = SharedMemory()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        for lock in _locks(memory):
            lock.__enter__()
        os.write(tell, b".")
        signal.pause()
    os.read(told, 1)
    before = _count_free(memory)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"{before} {_count_free(memory)}"


def _count_free(memory: SharedMemory) -> int:
    """Those that can be had at once: who waits too long for a lock is sent an alarm."""
    free = 0
    for lock in _locks(memory):
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with suppress(TimeoutError), lock:
            free += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    return free


def _give_up(*_: object) -> None:
    raise TimeoutError


def _locks(memory: SharedMemory) -> list[ShardLock]:
    fd = memory.reopen()
    return [ShardLock(fd, shard) for shard in range(SHARDS)]


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _give_up)
    print({"spend": spend, "network": spend_as_network, "die": die}[sys.argv[1]]())  # noqa: T201  # a test reads it
