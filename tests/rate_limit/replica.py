"""One process's limiter over Redis, for tests."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from app.rate_limit.limiter import make_limiter
from app.rate_limit.policy import Decision
from app.rate_limit.shared_memory import SharedMemory
from app.settings.config import Config
from app.telemetry.metrics import Metrics

RECOVERY = 5
"""Seconds; the promise."""


class Replica:
    """The limiter of one process, and what its metrics say."""

    def __init__(self, config: Config, memory: SharedMemory) -> None:
        self._registry = CollectorRegistry()
        self._limiter = make_limiter(config, memory, Metrics(self._registry))
        self.seconds: list[float] = []
        self._fallbacks_before = 0

    def forget(self) -> None:
        """Counts from here."""
        self.seconds.clear()
        self._fallbacks_before += self.fallbacks

    def spend(self, *client: bytes) -> Decision:
        began = time.perf_counter()
        decision = self._limiter.store.spend(
            client or (b"client",), [self._limiter.default, self._limiter.not_found]
        )
        self.seconds.append(time.perf_counter() - began)
        return decision

    def give_back(self, *client: bytes) -> None:
        self._limiter.store.give_back(
            client or (b"client",), [self._limiter.default, self._limiter.not_found]
        )

    @property
    def fallbacks(self) -> int:
        counted = int(self._registry.get_sample_value("rate_limit_fallbacks_total") or 0)
        return counted - self._fallbacks_before

    def is_served_by_redis(self) -> bool:
        before = self.fallbacks
        self.spend(b"probe")
        return self.fallbacks == before

    def close(self) -> None:
        self._limiter.store.close()


MakeReplica = Callable[..., Replica]


def key_of(client: bytes, policy: str) -> str:
    return f"rate-limit:debt:{{{client.hex()}}}:{client.hex()}:{policy}"
