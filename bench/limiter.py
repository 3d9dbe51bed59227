"""What a decision of the rate limiter costs, beside the least it could cost; writes docs/benchmarks.md.

    bin/python -m bench.limiter [--decisions 20000]

In process, one thread, nothing else to do: the memory that workers share, with ten clients and after a
million others; Redis on this machine over loopback. Beside them a bare pair of lock and unlock, and a PING.
"""

import argparse
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from redis.connection import Connection

from app.rate_limit.fallback_store import over_redis
from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy, Store
from app.rate_limit.shared_memory import ShardLock, SharedMemory
from bench.report import write_section
from tests.support.redis import Redis

CLIENTS = [number.to_bytes(4, "big") for number in range(10)]
STRANGERS = 1_000_000
TARGET = 5
ROUNDS = 5
POLICY = Policy("default", Limit(200, 60))

Microseconds = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decisions", type=int, default=20_000)
    decisions = parser.parse_args().decisions
    measured = _measure_memory(decisions)
    with Redis() as redis:
        measured |= _measure_redis(redis, decisions)
    write_section("limiter", _table(measured, decisions))


def _measure_memory(decisions: int) -> Microseconds:
    memory = SharedMemory()
    store = MemoryStore(memory, [POLICY])
    bare = ShardLock(memory.reopen(), 0)
    known = dict.fromkeys(CLIENTS, 0)

    def lock() -> None:
        with bare:
            pass

    measured: Microseconds = {}
    few = _deciding(store)
    for _ in range(ROUNDS):
        for name, act in (("dict", lambda: known[CLIENTS[3]]), ("lock", lock), ("few", few)):
            measured.setdefault(name, []).append(_median(act, decisions))
    for number in range(STRANGERS):
        store.spend(number.to_bytes(8, "big"), [POLICY])
    for _ in range(ROUNDS):
        measured.setdefault("many", []).append(_median(few, decisions))
    return measured


def _measure_redis(redis: Redis, decisions: int) -> Microseconds:
    connection = Connection(port=redis.port, protocol=2)
    fallbacks: list[None] = []
    memory = SharedMemory()
    own = MemoryStore(memory, [POLICY])
    store = over_redis(
        redis.url, own, [POLICY], threads=1, memory=memory, on_fallback=lambda: fallbacks.append(None)
    )

    def ping() -> None:
        connection.send_command("PING")
        connection.read_response()

    measured: Microseconds = {}
    for _ in range(ROUNDS):
        for name, act in (("ping", ping), ("redis", _deciding(store))):
            measured.setdefault(name, []).append(_median(act, decisions // 5))
    if fallbacks:
        raise RuntimeError("Redis was not used throughout")
    store.close()
    return measured


def _deciding(store: Store) -> Callable[[], object]:
    policies, clients = [POLICY], itertools.cycle(CLIENTS)
    return lambda: store.spend(next(clients), policies)


def _median(act: Callable[[], object], times: int) -> float:
    """Microseconds."""
    clock = time.perf_counter_ns
    taken = []
    for _ in range(times):
        began = clock()
        act()
        taken.append(clock() - began)
    return statistics.median(taken) / 1000


def _table(measured: Microseconds, decisions: int) -> str:
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    effort = f"medians of {decisions:,} decisions, {ROUNDS} rounds"
    rows = [
        ("a look into a dict", "dict", "", ""),
        ("locking and unlocking a shard", "lock", "", ""),
        ("a decision in shared memory, 10 clients", "few", "lock", str(TARGET)),
        (f"the same after {STRANGERS:,} others", "many", "lock", str(TARGET)),
        ("a PING of Redis", "ping", "", ""),
        ("a decision in Redis", "redis", "ping", ""),
    ]
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, {machine}: {effort}.",
        "",
        "| | µs (lowest to highest round) | ratio to the bare lock or PING | target |",
        "|---|---|---|---|",
    ]
    for title, name, measure, target in rows:
        values = measured[name]
        ratio = f"{statistics.median(values) / statistics.median(measured[measure]):.1f}" if measure else ""
        spread = f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"
        lines.append(f"| {title} | {spread} | {ratio} | {target} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
