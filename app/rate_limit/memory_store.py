"""Keeps the limits of one replica, exact over all its processes and threads, in memory of fixed size."""

import os
import struct
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

from app.rate_limit.policy import Decision, Policy
from app.rate_limit.shared_memory import SHARDS, WAYS, ShardLock, SharedMemory

_PLACE_AND_TAG = struct.Struct("=QQ")


class MemoryStore:
    """Keeps one timestamp for each client and policy, in the set of slots that the client's hash selects.

    A slot whose time has passed counts as free. Where a set has no free slot, a new client takes over the
    slot with the smallest debt, *together with that debt* (Space-Saving, Metwally et al., 2005). A displaced
    client that returns takes over at least as much as it owed. So no client ever gets more than its limit.
    Only new clients can get less, while the other slots of their set all belong to clients in debt.

    Args:
        memory: shared with the other processes.
        policies: in the same order in all processes.
        clock: nanoseconds, the same in all processes, as CLOCK_MONOTONIC is.
    """

    def __init__(
        self,
        memory: SharedMemory,
        policies: Sequence[Policy],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if len(policies) > memory.tables:
            raise ValueError(f"{len(policies)} policies do not fit into {memory.tables} tables")
        self._words = memory.words
        self._secret = memory.secret
        self._sets = memory.sets
        self._tables = {policy.name: memory.table_words * number for number, policy in enumerate(policies)}
        self._clock = clock
        self._fd = memory.reopen()
        self._locks = [ShardLock(self._fd, shard) for shard in range(SHARDS)]

    def spend(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses."""
        return self._decide(client, policies, charges=True)

    def peek(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing."""
        return self._decide(client, policies, charges=False)

    def close(self) -> None:
        os.close(self._fd)

    def _decide(self, client: bytes, policies: Sequence[Policy], *, charges: bool) -> Decision:
        digest = blake2b(client, digest_size=_PLACE_AND_TAG.size, key=self._secret).digest()
        place, tag = _PLACE_AND_TAG.unpack(digest)
        number = place % self._sets
        # A client's set has the same number in all tables, so one lock covers all policies.
        with self._locks[number % SHARDS]:
            now = self._clock()
            slots: list[int] = []
            debts: list[int] = []
            is_admitted = True
            for policy in policies:
                slot, full_at = self._find(self._tables[policy.name] + number * 2 * WAYS, tag)
                debt = policy.limit.debt(full_at, now)
                slots.append(slot)
                debts.append(debt)
                is_admitted = is_admitted and policy.limit.admits(debt)
            if is_admitted and charges:
                for index, policy in enumerate(policies):
                    debts[index] += policy.limit.interval
                    # In this order, a process killed in between leaves a debt too high, never too low.
                    self._words[slots[index] + WAYS] = now + debts[index]
                    self._words[slots[index]] = tag
        return Decision(is_admitted, debts)

    def _find(self, start: int, tag: int) -> tuple[int, int]:
        """The slot that has the client's tag, or that it takes over, and the time in that slot."""
        words = self._words[start : start + 2 * WAYS].tolist()
        try:
            way = words.index(tag, 0, WAYS)
        except ValueError:
            way = words.index(min(words[WAYS:]), WAYS) - WAYS
        return start + way, words[way + WAYS]
