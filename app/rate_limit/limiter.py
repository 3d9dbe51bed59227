"""Makes the limiter of one process."""

from dataclasses import dataclass

from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy, Store
from app.rate_limit.shared_memory import SharedMemory
from app.settings.config import Config
from app.settings.parsers import Rate
from app.telemetry.metrics import Metrics
from app.waiting.hub import BLOCKING, Hub


@dataclass(frozen=True, slots=True)
class Limiter:
    """The store and the policies. `default` is for all limited requests, the others for some."""

    store: Store
    default: Policy
    not_found: Policy
    sign_in: Policy


def make_limiter(
    config: Config,
    memory: SharedMemory,
    metrics: Metrics,
    *,
    hub: Hub = BLOCKING,
) -> Limiter:
    """The limiter that the configuration describes.

    Args:
        config: the configuration.
        memory: shared by the replica's processes.
        metrics: tell of decisions without Redis.
        hub: where requests wait for Redis.
    """
    default = _policy("default", config.rate_limit)
    not_found = _policy("not-found", config.rate_limit_not_found)
    sign_in = _policy("sign-in", config.rate_limit_sign_in)
    policies = [default, not_found, sign_in]
    store: Store = MemoryStore(memory, policies)
    if config.redis_url:
        # This import costs a start 0.1 s and each process 10 MiB; only those who set REDIS_URL pay.
        from app.rate_limit.fallback_store import over_redis  # noqa: PLC0415

        store = over_redis(
            config.redis_url,
            store,
            policies,
            threads=config.web_threads,
            memory=memory,
            on_fallback=metrics.rate_limit_fallbacks.inc,
            hub=hub,
        )
    return Limiter(store, default, not_found, sign_in)


def _policy(name: str, rate: Rate) -> Policy:
    return Policy(name, Limit(rate.count, rate.seconds))
