"""Keeps the limits of one replica, exact over all its processes and threads, in memory of fixed size."""

import os
import struct
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b

from app.rate_limit.gcra import Limit
from app.rate_limit.policy import FACTORS, Client, Decision, Policy
from app.rate_limit.shared_memory import SHARDS, WAYS, ShardLock, SharedMemory

_PLACE_AND_TAG = struct.Struct("=QQ")


class MemoryStore:
    """Keeps one timestamp for each key of a client and policy, in the set of slots that its hash selects.

    A slot whose time has passed counts as free. Where a set has no free slot, a new client takes over the
    slot with the smallest debt, *together with that debt* (Space-Saving, Metwally et al., 2005). A displaced
    client that returns takes over at least as much as it owed. So no client ever gets more than its limit.
    Only new clients can get less, while the other slots of their set all belong to clients in debt.

    The largest network around a client selects the shard, and all its keys have their sets there: one lock
    covers them. Networks of each size have tables of their own, so no key displaces another of its client.

    Args:
        memory: shared with the other processes.
        policies: in the same order in all processes.
        clock: nanoseconds, the same in all processes, and never put back, as CLOCK_MONOTONIC is.
    """

    def __init__(
        self,
        memory: SharedMemory,
        policies: Sequence[Policy],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        sizes = len(FACTORS)
        if len(policies) * sizes > memory.tables:
            raise ValueError(f"{len(policies)} policies do not fit into {memory.tables} tables")
        self._words = memory.words
        self._secret = memory.secret
        self._sets = memory.sets
        self._shards = min(SHARDS, memory.sets)
        self._tables = {
            policy.name: [memory.table_words * (number * sizes + size) for size in range(sizes)]
            for number, policy in enumerate(policies)
        }
        self._clock = clock
        self._fd = memory.reopen()
        self._locks = [ShardLock(self._fd, shard) for shard in range(SHARDS)]

    def spend(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses."""
        return self._decide(client, policies, charges=True)

    def peek(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing."""
        return self._decide(client, policies, charges=False)

    def give_back(self, client: Client, policies: Sequence[Policy]) -> None:
        """Takes one charge back from all policies. The past, in which a bucket is full, cannot get fuller."""
        hashes = [self._hash(key) for key in client]
        shard = hashes[-1][0] % self._shards
        with self._locks[shard]:
            for policy in policies:
                for limit, table, (place, tag) in zip(
                    policy.limits, self._tables[policy.name], hashes, strict=False
                ):
                    slot, full_at = self._find(self._set(table, place, shard), tag)
                    if self._words[slot] == tag:
                        self._words[slot + WAYS] = max(full_at - limit.interval, 0)

    def close(self) -> None:
        os.close(self._fd)

    def _decide(self, client: Client, policies: Sequence[Policy], *, charges: bool) -> Decision:
        hashes = [self._hash(key) for key in client]
        shard = hashes[-1][0] % self._shards
        with self._locks[shard]:
            now = self._clock()
            buckets: list[tuple[Limit, int, int]] = []
            debts: list[int] = []
            is_admitted = True
            for policy in policies:
                limits, tables = policy.limits, self._tables[policy.name]
                for size, (place, tag) in enumerate(hashes):
                    slot, full_at = self._find(self._set(tables[size], place, shard), tag)
                    debt = limits[size].debt(full_at, now)
                    buckets.append((limits[size], slot, tag))
                    debts.append(debt)
                    is_admitted = is_admitted and limits[size].admits(debt)
            if is_admitted and charges:
                for index, (limit, slot, tag) in enumerate(buckets):
                    debts[index] += limit.interval
                    # In this order, a process killed in between leaves a debt too high, never too low.
                    self._words[slot + WAYS] = now + debts[index]
                    self._words[slot] = tag
        return Decision(is_admitted, debts)

    def _set(self, table: int, place: int, shard: int) -> int:
        """Where a key's set begins; it has the same number in the tables of all policies."""
        return table + (place - place % self._shards + shard) % self._sets * 2 * WAYS

    def _hash(self, key: bytes) -> tuple[int, ...]:
        """Two numbers: one selects the key's set, the other marks its slot there."""
        return _PLACE_AND_TAG.unpack(blake2b(key, digest_size=_PLACE_AND_TAG.size, key=self._secret).digest())

    def _find(self, start: int, tag: int) -> tuple[int, int]:
        """The slot that has the client's tag, or that it takes over, and the time in that slot."""
        words = self._words[start : start + 2 * WAYS].tolist()
        try:
            way = words.index(tag, 0, WAYS)
        except ValueError:
            way = words.index(min(words[WAYS:]), WAYS) - WAYS
        return start + way, words[way + WAYS]
