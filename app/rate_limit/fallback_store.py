"""Uses Redis while it answers, and the replica's own memory while it does not."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from app.rate_limit.policy import Client, Decision, Policy, Store
from app.rate_limit.redis_link import RedisAwayError, RedisLink
from app.rate_limit.redis_store import CHECK, SCRIPT, RedisStore
from app.rate_limit.shared_memory import SharedFlag, SharedMemory
from app.waiting.hub import BLOCKING, Hub


class FallbackStore:
    """A store that keeps working without Redis.

    What Redis admits is also charged to the replica's own store, so that a client does not start with a full
    quota when Redis goes away, or its clock is put back. Redis never learns what was spent while it was away.
    """

    def __init__(self, *, shared: RedisStore, own: Store, on_fallback: Callable[[], None]) -> None:
        self._shared = shared
        self._own = own
        self._on_fallback = on_fallback

    def spend(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses."""
        known = self._own.peek(client, policies).debts
        try:
            decision = self._shared.spend(client, policies, known)
        except RedisAwayError:
            self._on_fallback()
            return self._own.spend(client, policies)
        if decision.is_admitted:
            self._own.spend(client, policies)
        return decision

    def peek(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing."""
        own = self._own.peek(client, policies)
        try:
            return self._shared.peek(client, policies, own.debts)
        except RedisAwayError:
            self._on_fallback()
            return own

    def give_back(self, client: Client, policies: Sequence[Policy]) -> None:
        """Takes one charge back from all policies, here and in Redis if it answers."""
        self._own.give_back(client, policies)
        with suppress(RedisAwayError):
            self._shared.give_back(client, policies, self._own.peek(client, policies).debts)

    def close(self) -> None:
        self._shared.close()
        self._own.close()


def over_redis(
    url: str,
    own: Store,
    policies: Sequence[Policy],
    *,
    threads: int,
    memory: SharedMemory,
    on_fallback: Callable[[], None],
    hub: Hub = BLOCKING,
) -> FallbackStore:
    """A store in Redis that falls back on the given one.

    Args:
        url: REDIS_URL.
        own: the replica's own store.
        policies: what is limited.
        threads: how many requests may ask Redis at the same time.
        memory: lets the replica's processes share that Redis is away.
        on_fallback: called for each decision that the replica's own store makes.
        hub: where requests wait for Redis.
    """
    link = RedisLink(url, script=SCRIPT, check=CHECK, size=threads, is_away=SharedFlag(memory), hub=hub)
    return FallbackStore(shared=RedisStore(link, policies), own=own, on_fallback=on_fallback)
