"""One Redis for all replicas: it decides while it can, and nobody suffers while it cannot."""

import logging
import threading
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

import pytest

from app.rate_limit.shared_memory import SharedMemory
from tests.rate_limit.replica import RECOVERY, MakeReplica, Replica, key_of
from tests.support.redis import Redis
from tests.support.slow_proxy import SlowProxy
from tests.support.waiting import until

PACE = 0.02
"""Seconds between requests of a client; without a pause they would measure the machine's own stalls."""


def assert_lost_once(replica: Replica) -> None:
    """Of what was asked since Redis went away, one request lost 50 ms; the machine may add its own."""
    slow = [seconds for seconds in replica.seconds if seconds > 0.03]
    assert len(slow) <= 1
    assert sum(slow) < 0.2


def assert_recovers(replica: Replica) -> None:
    began = time.monotonic()
    until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used again")
    assert time.monotonic() - began < RECOVERY


def test_replicas_spend_the_same_limit(make_served: MakeReplica) -> None:
    replicas = [make_served(limit="5/hour") for _ in range(2)]
    admitted = [replicas[number % 2].spend().is_admitted for number in range(8)]
    assert admitted == [True] * 5 + [False] * 3
    assert [replica.fallbacks for replica in replicas] == [0, 0]


def test_what_is_given_back_counts_for_all_replicas_and_never_more_than_all(
    make_served: MakeReplica, redis: Redis
) -> None:
    here, there = (make_served(limit="3/hour") for _ in range(2))
    assert [here.spend().is_admitted for _ in range(4)] == [True] * 3 + [False]
    there.give_back()
    assert [here.spend().is_admitted for _ in range(2)] == [True, False]
    for _ in range(5):
        there.give_back()
    assert [there.spend().is_admitted for _ in range(4)] == [True] * 3 + [False]


def test_with_redis_away_it_is_given_back_here(replica: Replica, redis: Redis) -> None:
    redis.stop()
    while replica.spend().is_admitted:
        pass
    replica.give_back()
    assert [replica.spend().is_admitted for _ in range(2)] == [True, False]


def test_clients_spend_their_own(replica: Replica) -> None:
    replica.spend(b"other")
    assert replica.spend(b"third") == replica.spend(b"fourth")


def test_keys_go_when_the_bucket_is_full_again(make_served: MakeReplica, redis: Redis) -> None:
    replica = make_served(limit="2/second")
    replica.spend()
    assert 0 < int(redis.call("PTTL", key_of(b"client", "default"))) <= 500
    until(lambda: redis.call("DBSIZE") == 0, seconds=5, what="the keys to go")


def test_a_debt_beyond_the_limit_is_cut_to_it(make_served: MakeReplica, redis: Redis) -> None:
    # As a limit that was longer would leave it.
    seconds, _ = redis.call("TIME")
    for name in ("default", "not-found"):
        key = key_of(b"client", name)
        redis.call("SET", key, f"{3600 * 1_000_000} {int(seconds) * 1_000_000}")
    replica = make_served(limit="2/second")
    assert not replica.spend().is_admitted
    until(lambda: replica.spend().is_admitted, seconds=5, what="the limit's own time to pass")
    assert replica.fallbacks == 0


def test_a_frozen_redis_costs_one_request_its_patience(replica: Replica, redis: Redis) -> None:
    redis.freeze()
    assert all(replica.spend().is_admitted for _ in range(200))
    assert_lost_once(replica)
    assert replica.fallbacks == 200
    redis.thaw()
    assert_recovers(replica)


def test_a_stopped_redis_costs_nobody_anything(replica: Replica, redis: Redis) -> None:
    redis.stop()
    assert all(replica.spend().is_admitted for _ in range(200))
    assert_lost_once(replica)
    assert replica.fallbacks == 200
    redis.start()
    assert_recovers(replica)


def test_a_slow_redis_is_not_used(replica: Replica, redis: Redis) -> None:
    redis.freeze()
    # Redis 7 has no DEBUG SLEEP unless it is told to.
    sleep = threading.Timer(2, redis.thaw)
    sleep.start()
    until(lambda: not replica.is_served_by_redis(), seconds=2, what="Redis to be slow")
    while sleep.is_alive():
        replica.spend()
        time.sleep(PACE)
    assert_lost_once(replica)
    assert_recovers(replica)


def test_a_redis_behind_a_slow_network_is_not_tried_again_by_requests(
    make_replica: MakeReplica, redis: Redis
) -> None:
    with SlowProxy(redis.port) as proxy:
        replica = make_replica(f"redis://127.0.0.1:{proxy.port}/0")
        until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used")
        replica.forget()
        proxy.delay = 0.3
        end = time.monotonic() + 3
        while time.monotonic() < end:
            replica.spend()
            time.sleep(PACE)
        assert_lost_once(replica)
        proxy.delay = 0
        assert_recovers(replica)


def test_threads_that_ask_a_frozen_redis_at_once_lose_their_patience_once_each(
    replica: Replica, redis: Redis
) -> None:
    redis.freeze()
    threads = [threading.Thread(target=lambda: [replica.spend() for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis.thaw()
    assert sum(seconds > 0.03 for seconds in replica.seconds) <= len(threads)


def test_a_full_redis_is_not_used(replica: Replica, redis: Redis) -> None:
    redis.call("CONFIG", "SET", "maxmemory", "1")
    assert all(replica.spend().is_admitted for _ in range(20))
    assert replica.fallbacks == 20
    redis.call("CONFIG", "SET", "maxmemory", "0")
    assert_recovers(replica)


def test_a_redis_that_only_reads_is_not_used(replica: Replica, redis: Redis) -> None:
    redis.call("REPLICAOF", "127.0.0.1", "1")
    assert all(replica.spend().is_admitted for _ in range(20))
    assert replica.fallbacks == 20
    redis.call("REPLICAOF", "NO", "ONE")
    assert_recovers(replica)


@pytest.mark.parametrize("command", ["FLUSHALL", "SCRIPT FLUSH"])
def test_a_flushed_redis_is_used_on(replica: Replica, redis: Redis, command: str) -> None:
    redis.call(*command.split())
    assert all(replica.spend().is_admitted for _ in range(20))
    assert replica.fallbacks == 0


@pytest.mark.parametrize(
    "url",
    [
        "redis://:wrong@127.0.0.1:{port}/0",
        "redis://127.0.0.1:{port}/0",
        "redis://no-such-host.invalid:{port}/0",
    ],
)
def test_a_redis_that_cannot_be_entered_is_not_used(make_replica: MakeReplica, url: str) -> None:
    with Redis(requirepass="right") as redis:
        replica = make_replica(url.format(port=redis.port))
        assert all(replica.spend().is_admitted for _ in range(20))
        assert replica.fallbacks == 20


def test_a_password_opens_it(make_replica: MakeReplica) -> None:
    with Redis(requirepass="right") as redis:
        replica = make_replica(f"redis://:right@127.0.0.1:{redis.port}/0")
        until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used")


def test_options_of_a_pool_are_no_hindrance(make_replica: MakeReplica, redis: Redis) -> None:
    replica = make_replica(f"{redis.url}?max_connections=20&timeout=5&client_name=backend")
    until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used")
    assert "name=backend" in str(redis.call("CLIENT", "LIST"))


def test_it_may_be_a_socket_of_this_machine(make_replica: MakeReplica) -> None:
    # Not pytest's folder: a Unix socket's path must be short.
    with TemporaryDirectory() as folder, Redis(unixsocket=f"{folder}/redis"):
        replica = make_replica(f"unix://{folder}/redis")
        until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used")


def test_connections_that_redis_closed_are_replaced_without_a_word(
    replica: Replica, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(replica.is_served_by_redis, seconds=1, what="new connections")
    assert caplog.records == []


def test_the_processes_of_a_replica_tell_the_log_once_each_way(
    make_served: MakeReplica,
    make_memory: Callable[..., SharedMemory],
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    memory = make_memory()
    processes = [make_served(memory=memory) for _ in range(3)]
    caplog.clear()
    redis.freeze()
    for process in processes:
        process.spend()
    until(lambda: caplog.records, seconds=2, what="a word about it")
    redis.thaw()
    for process in processes:
        assert_recovers(process)
    # On a machine that stalls it may happen twice; never does one process repeat what another has said.
    assert caplog.messages == [
        "Redis is away: this replica keeps the limits alone",
        "Redis is back: the replicas keep the limits together",
    ] * (len(caplog.messages) // 2)


def test_who_was_served_over_redis_finds_no_fresh_bucket_when_it_is_away(
    make_served: MakeReplica, redis: Redis
) -> None:
    replica = make_served(limit="5/hour")
    assert [replica.spend().is_admitted for _ in range(3)] == [True] * 3
    redis.stop()
    assert [replica.spend().is_admitted for _ in range(5)] == [True] * 2 + [False] * 3
