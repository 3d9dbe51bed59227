"""What the limiter's tests stand on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.rate_limit.shared_memory import SharedMemory
from tests.support.redis import Redis


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
