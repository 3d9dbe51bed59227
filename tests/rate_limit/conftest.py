"""What the limiter's tests stand on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.rate_limit.shared_memory import SharedMemory
from app.settings.config import Config
from tests.rate_limit.replica import RECOVERY, MakeReplica, Replica
from tests.support.redis import Redis
from tests.support.waiting import until


@pytest.fixture
def make_memory() -> Iterator[Callable[..., SharedMemory]]:
    with ExitStack() as stack:

        def make(**sizes: int) -> SharedMemory:
            memory = SharedMemory(**sizes)
            stack.callback(memory.close)
            return memory

        yield make


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def make_replica(
    make_config: Callable[..., Config], make_memory: Callable[..., SharedMemory]
) -> Iterator[MakeReplica]:
    """The limit is 1,000 an hour, so that time brings nothing back during a test."""
    with ExitStack() as stack:

        def make(url: str, *, memory: SharedMemory | None = None, limit: str = "1000/hour") -> Replica:
            config = make_config(REDIS_URL=url, RATE_LIMIT=limit, RATE_LIMIT_NOT_FOUND=limit)
            replica = Replica(config, memory or make_memory())
            stack.callback(replica.close)
            return replica

        yield make


@pytest.fixture
def make_served(make_replica: MakeReplica, redis: Redis) -> MakeReplica:
    """Makes replicas that Redis has begun to serve, which on a busy machine takes a moment."""

    def make(**arguments: Any) -> Replica:
        replica = make_replica(redis.url, **arguments)
        until(replica.is_served_by_redis, seconds=RECOVERY, what="Redis to be used")
        replica.forget()
        return replica

    return make


@pytest.fixture
def replica(make_served: MakeReplica) -> Replica:
    return make_served()
