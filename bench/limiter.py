"""What a decision of the rate limiter costs, beside the least it could cost; writes docs/benchmarks.md.

    bin/python -m bench.limiter [--decisions 20000]

One thread decides about the requests of ten clients: in the memory that workers share, before and after a
million other clients came by, and in Redis on this machine. A bare lock and a PING of Redis are the least
that each needs. bench/run uses `decision_figures` to measure many clients.
"""

import argparse
import itertools
import random
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from statistics import median

from redis.connection import Connection

from app.rate_limit.fallback_store import over_redis
from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy, Store
from app.rate_limit.shared_memory import ShardLock, SharedMemory
from app.web.client_address import client_keys
from bench.report import measured_here, write_section
from bench.results import Figures, Spread
from tests.support.redis import Redis

CLIENTS = 10
OTHERS = 1_000_000
DECISIONS = 20_000
TARGET = 5
ROUNDS = 5
POLICY = Policy("default", Limit(200, 60))
TITLES = {
    "lock": "locking and unlocking a shard",
    "few": f"a decision in shared memory, {CLIENTS} clients",
    "ipv6": "the same with the networks around IPv6 clients",
    "many": f"the same after {OTHERS:,} others",
    "ping": "a PING of Redis",
    "redis": "a decision in Redis",
}

Measured = dict[str, list[float]]
"""The median microseconds of each round, by what was measured."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decisions", type=int, default=DECISIONS)
    decisions = parser.parse_args().decisions
    measured = _measure_memory(decisions)
    with Redis() as redis:
        measured |= _measure_redis(redis, decisions)
    for name, title in TITLES.items():
        print(f"{title}: {Spread.of(measured[name]).text(1)} µs")
    write_section("limiter", summary(measured))


def _measure_memory(decisions: int) -> Measured:
    memory = SharedMemory()
    store = MemoryStore(memory, [POLICY])
    shard_lock = ShardLock(memory.reopen(), 0)

    def lock() -> None:
        with shard_lock:
            pass

    decide = _decision(store)
    ipv6 = itertools.cycle([client_keys(IPv6Address(number << 64)) for number in range(1, CLIENTS + 1)])
    measured: Measured = {"lock": [], "few": [], "ipv6": [], "many": []}
    for _ in range(ROUNDS):
        measured["lock"].append(_median(lock, decisions))
        measured["few"].append(_median(decide, decisions))
        measured["ipv6"].append(_median(lambda: store.spend(next(ipv6), [POLICY]), decisions))
    for number in range(OTHERS):
        store.spend(_client(CLIENTS + number), [POLICY])
    for _ in range(ROUNDS):
        measured["many"].append(_median(decide, decisions))
    return measured


def _measure_redis(redis: Redis, decisions: int) -> Measured:
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

    decide = _decision(store)
    measured: Measured = {"ping": [], "redis": []}
    for _ in range(ROUNDS):
        measured["ping"].append(_median(ping, decisions // 5))
        measured["redis"].append(_median(decide, decisions // 5))
    if fallbacks:
        raise RuntimeError("the limiter fell back to its own memory, so these are no figures of Redis")
    store.close()
    return measured


def _decision(store: Store) -> Callable[[], object]:
    """A function that decides about the next client's request."""
    policies, clients = [POLICY], itertools.cycle([_client(number) for number in range(CLIENTS)])
    return lambda: store.spend(next(clients), policies)


def _median(act: Callable[[], object], times: int) -> float:
    """Microseconds."""
    clock, taken = time.perf_counter_ns, []
    for _ in range(times):
        began = clock()
        act()
        taken.append(clock() - began)
    return median(taken) / 1000


def decision_figures(keys: int) -> Figures:
    """Microseconds of a decision about a client at random, after so many clients came by."""
    store, policies = MemoryStore(SharedMemory(), [POLICY]), [POLICY]
    for number in range(keys):
        store.spend(_client(number), policies)
    chooser = random.Random(keys)  # noqa: S311  # which clients come back is no secret
    clients = [_client(chooser.randrange(keys)) for _ in range(DECISIONS)]
    clock, taken = time.perf_counter_ns, []
    for client in clients:
        began = clock()
        store.spend(client, policies)
        taken.append(clock() - began)
    taken.sort()
    return {"decision": median(taken) / 1000, "decision_p99": taken[len(taken) * 99 // 100] / 1000}


def _client(number: int) -> list[bytes]:
    return [number.to_bytes(4, "big")]


def summary(measured: Measured) -> str:
    """The result as the page says it."""
    lock, few, ipv6, many, ping, redis = (f"{median(measured[name]):.1f}" for name in TITLES)
    return (
        f"{measured_here()} A decision takes {few} µs, and {many} after {OTHERS:,} other clients "
        f"(target: at most {TARGET}); its lock alone takes {lock}. "
        f"For an IPv6 client, with the networks around it, it takes {ipv6}. "
        f"With Redis it takes {redis}; a PING takes {ping}."
    )


if __name__ == "__main__":
    main()
