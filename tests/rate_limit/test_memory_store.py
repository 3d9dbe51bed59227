"""Every slot of a set taken, a million strangers: nobody gets more than the limit."""

from collections.abc import Callable

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy
from app.rate_limit.shared_memory import WAYS, SharedMemory

MakeMemory = Callable[..., SharedMemory]

DEFAULT = Policy("default", Limit(200, 60))
NOT_FOUND = Policy("not-found", Limit(10, 60))
SMALL = Policy("small", Limit(3, 30))
SECOND = 1_000_000_000


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 123 * SECOND

    def __call__(self) -> int:
        return self.now


class Model:
    """One bucket a client and no end of memory: what the store would be without its bounds."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._requests: dict[bytes, float] = {}
        self._asked_at: dict[bytes, int] = {}

    def level(self, client: bytes, now: int) -> float:
        """Requests in the bucket, of those that leak out at the limit's rate."""
        leaked = (now - self._asked_at.get(client, now)) / SECOND * self._limit.count / self._limit.seconds
        return max(self._requests.get(client, 0) - leaked, 0)

    def admits(self, client: bytes, now: int) -> bool:
        return self.level(client, now) + 1 <= self._limit.count + 1e-6

    def add(self, client: bytes, now: int) -> None:
        self._requests[client] = self.level(client, now) + 1
        self._asked_at[client] = now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def requests(clients: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Who asks, and how many seconds later: mostly at once."""

    def read(asked: bytes) -> list[tuple[int, int]]:
        return [(number % clients, max(number - 239, 0) // 4) for number in asked]

    return st.binary(min_size=5 * clients, max_size=300).map(read)


@settings(deadline=None)
@given(requests(clients=WAYS))
def test_as_many_clients_as_a_set_has_slots_are_counted_exactly(asked: list[tuple[int, int]]) -> None:
    memory, clock, model = SharedMemory(sets=1), Clock(), Model(SMALL.limit)
    store = MemoryStore(memory, [SMALL], clock=clock)
    for number, seconds in asked:
        clock.now += seconds * SECOND
        client = bytes([number])
        expected = model.admits(client, clock.now)
        assert store.peek(client, [SMALL]).is_admitted is expected
        assert store.spend(client, [SMALL]).is_admitted is expected
        if expected:
            model.add(client, clock.now)
    store.close()
    memory.close()


@settings(deadline=None)
@given(requests(clients=3 * WAYS))
def test_more_clients_than_slots_may_get_less_and_never_more(asked: list[tuple[int, int]]) -> None:
    memory, clock, model = SharedMemory(sets=1), Clock(), Model(SMALL.limit)
    store = MemoryStore(memory, [SMALL], clock=clock)
    for number, seconds in asked:
        clock.now += seconds * SECOND
        client = bytes([number])
        if store.spend(client, [SMALL]).is_admitted:
            assert model.admits(client, clock.now), "more than the limit"
            model.add(client, clock.now)
    store.close()
    memory.close()


@pytest.mark.parametrize("strangers", [100_000, pytest.param(1_000_000, marks=pytest.mark.full)])
def test_strangers_neither_refill_a_bucket_nor_take_more_memory(
    make_memory: MakeMemory, clock: Clock, strangers: int
) -> None:
    store = MemoryStore(make_memory(), [DEFAULT, NOT_FOUND], clock=clock)
    both = [DEFAULT, NOT_FOUND]
    victim = b"victim"
    while store.spend(victim, both).is_admitted:
        pass
    for number in range(strangers // 2):
        store.spend(number.to_bytes(8, "big"), both)
    before = psutil.Process().memory_info().rss
    for number in range(strangers // 2, strangers):
        store.spend(number.to_bytes(8, "big"), both)
    assert psutil.Process().memory_info().rss - before < 2 * 1024 * 1024
    assert not store.spend(victim, [NOT_FOUND]).is_admitted
    # A minute later nobody remembers, and newcomers find room.
    clock.now += 60 * SECOND
    assert store.spend(victim, both) == store.spend(b"newcomer", both)
    store.close()


def test_all_exhausted_slots_of_a_set_stay_so_when_others_come(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(sets=1), [SMALL], clock=clock)
    owners = [bytes([number]) for number in range(WAYS)]
    for owner in owners:
        assert [store.spend(owner, [SMALL]).is_admitted for _ in range(3)] == [True] * 3
    others = [store.spend(b"other%d" % number, [SMALL]).is_admitted for number in range(1000)]
    assert not any(others)
    assert not any(store.spend(owner, [SMALL]).is_admitted for owner in owners)
    # What comes back in the whole set is shared by all who ask for it.
    clock.now += 10 * SECOND
    assert sum(store.spend(b"other%d" % number, [SMALL]).is_admitted for number in range(1000)) == WAYS
    store.close()


@pytest.mark.parametrize("policies", [[DEFAULT, SMALL], [SMALL, DEFAULT]])
def test_two_policies_are_spent_together_or_not_at_all(
    make_memory: MakeMemory, clock: Clock, policies: list[Policy]
) -> None:
    store = MemoryStore(make_memory(), [SMALL, DEFAULT], clock=clock)
    decisions = [store.spend(b"client", policies) for _ in range(5)]
    assert [decision.is_admitted for decision in decisions] == [True, True, True, False, False]
    assert DEFAULT.limit.remaining(store.peek(b"client", [DEFAULT]).debts[0]) == 197
    store.close()


def test_to_peek_costs_nothing(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(), [SMALL], clock=clock)
    assert [store.peek(b"client", [SMALL]) for _ in range(9)] == [(True, [0])] * 9
    store.close()


def test_more_policies_than_tables_are_refused(make_memory: MakeMemory) -> None:
    with pytest.raises(ValueError, match="2 policies do not fit into 1 tables"):
        MemoryStore(make_memory(tables=1), [DEFAULT, SMALL])
