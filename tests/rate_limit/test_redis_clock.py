"""Networks around a client in Redis, and Redis's clock put back and forward."""

import time

import pytest

from tests.rate_limit.replica import MakeReplica, Replica, key_of
from tests.support.redis import Redis
from tests.support.waiting import until


def test_the_networks_around_a_client_are_counted_by_all_replicas(make_served: MakeReplica) -> None:
    replicas = [make_served(limit="2/hour") for _ in range(2)]
    admitted = [
        replicas[number % 2].spend(b"net/sub/%d" % number, b"net/sub", b"net").is_admitted
        for number in range(20)
    ]
    assert admitted == [True] * 8 + [False] * 12
    elsewhere = [
        replicas[number % 2].spend(b"net/%d/a" % number, b"net/%d" % number, b"net").is_admitted
        for number in range(40)
    ]
    assert elsewhere == [True] * 24 + [False] * 16
    assert replicas[0].spend(b"other/sub/1", b"other/sub", b"other").is_admitted
    assert [replica.fallbacks for replica in replicas] == [0, 0]


def test_the_keys_of_a_client_lie_on_one_server_of_a_cluster(replica: Replica, redis: Redis) -> None:
    replica.spend(bytes([1, 2, 3, 4, 5, 6, 7, 8]), bytes([1, 2, 3, 4, 5, 6, 7]), bytes([1, 2, 3, 4, 5, 6]))
    keys = [key for key in redis.call("KEYS", "rate-limit:debt:*") if "0102" in key]
    assert len(keys) == 6
    assert {key.partition("{")[2].partition("}")[0] for key in keys} == {"010203040506"}


@pytest.mark.parametrize("seconds", [-3600, -59, -86400 * 365])
def test_a_clock_put_back_refuses_nobody_who_has_quota(
    make_served: MakeReplica, redis: Redis, seconds: int
) -> None:
    replica = make_served(limit="5/hour")
    assert [replica.spend(b"2", b"1", b"0").is_admitted for _ in range(2)] == [True] * 2
    redis.move_clock(seconds)
    # Neither more nor fewer than if the clock had gone right.
    assert [replica.spend(b"2", b"1", b"0").is_admitted for _ in range(6)] == [True] * 3 + [False] * 3
    assert replica.fallbacks == 0


def test_after_a_clock_put_back_time_brings_back_what_it_should(
    make_served: MakeReplica, redis: Redis
) -> None:
    replica = make_served(limit="2/second")
    while replica.spend().is_admitted:
        pass
    redis.move_clock(-3600)
    until(lambda: replica.spend().is_admitted, seconds=5, what="the limit's own time to pass")
    assert replica.fallbacks == 0


def test_who_has_waited_while_the_clock_was_put_back_is_not_refused(
    make_served: MakeReplica, redis: Redis
) -> None:
    replica = make_served(limit="2/second")
    while replica.spend().is_admitted:
        pass
    # Nobody asks Redis meanwhile, so that only the replica knows of the time that passes.
    full_again = time.monotonic() + 1
    redis.move_clock(-3600)
    until(lambda: time.monotonic() > full_again, seconds=5, what="the bucket to be full again")
    assert [replica.spend().is_admitted for _ in range(2)] == [True] * 2


def test_after_a_clock_put_back_replicas_count_together_again(make_served: MakeReplica, redis: Redis) -> None:
    replicas = [make_served(limit="6/hour") for _ in range(2)]
    assert [replica.spend().is_admitted for replica in replicas for _ in range(2)] == [True] * 4
    redis.move_clock(-3600)
    # The first to ask has seen two of the four.
    admitted = [replicas[number % 2].spend().is_admitted for number in range(10)]
    assert admitted == [True] * 4 + [False] * 6


def test_a_clock_put_forward_gives_a_full_bucket_and_not_more(make_served: MakeReplica, redis: Redis) -> None:
    replica = make_served(limit="5/hour")
    while replica.spend().is_admitted:
        pass
    redis.move_clock(2 * 3600)
    assert [replica.spend().is_admitted for _ in range(7)] == [True] * 5 + [False] * 2
    redis.move_clock(-2 * 3600)
    assert not replica.spend().is_admitted


@pytest.mark.parametrize("value", ["", "1", "1700000000000000", "a b", "-1 -1", "1 2 3", "1e9 1e9"])
def test_what_others_wrote_under_its_keys_is_nothing_to_it(
    replica: Replica, redis: Redis, value: str
) -> None:
    for name in ("default", "not-found"):
        redis.call("SET", key_of(b"client", name), value)
    assert replica.spend() == replica.spend(b"another")
    assert replica.fallbacks == 0
