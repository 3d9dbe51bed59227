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
        assert store.peek([client], [SMALL]).is_admitted is expected
        assert store.spend([client], [SMALL]).is_admitted is expected
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
        if store.spend([client], [SMALL]).is_admitted:
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
    victim = [b"victim"]
    while store.spend(victim, both).is_admitted:
        pass
    for number in range(strangers // 2):
        store.spend([number.to_bytes(8, "big")], both)
    before = psutil.Process().memory_info().rss
    for number in range(strangers // 2, strangers):
        store.spend([number.to_bytes(8, "big")], both)
    assert psutil.Process().memory_info().rss - before < 2 * 1024 * 1024
    assert not store.spend(victim, [NOT_FOUND]).is_admitted
    # A minute later nobody remembers, and newcomers find room.
    clock.now += 60 * SECOND
    assert store.spend(victim, both) == store.spend([b"newcomer"], both)
    store.close()


def test_all_exhausted_slots_of_a_set_stay_so_when_others_come(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(sets=1), [SMALL], clock=clock)
    owners = [[bytes([number])] for number in range(WAYS)]
    for owner in owners:
        assert [store.spend(owner, [SMALL]).is_admitted for _ in range(3)] == [True] * 3
    others = [store.spend([b"other%d" % number], [SMALL]).is_admitted for number in range(1000)]
    assert not any(others)
    assert not any(store.spend(owner, [SMALL]).is_admitted for owner in owners)
    # What comes back in the whole set is shared by all who ask for it.
    clock.now += 10 * SECOND
    assert sum(store.spend([b"other%d" % number], [SMALL]).is_admitted for number in range(1000)) == WAYS
    store.close()


@pytest.mark.parametrize("policies", [[DEFAULT, SMALL], [SMALL, DEFAULT]])
def test_two_policies_are_spent_together_or_not_at_all(
    make_memory: MakeMemory, clock: Clock, policies: list[Policy]
) -> None:
    store = MemoryStore(make_memory(), [SMALL, DEFAULT], clock=clock)
    decisions = [store.spend([b"client"], policies) for _ in range(5)]
    assert [decision.is_admitted for decision in decisions] == [True, True, True, False, False]
    assert DEFAULT.limit.remaining(store.peek([b"client"], [DEFAULT]).debts[0]) == 197
    store.close()


def test_a_network_spends_four_times_the_limit_and_the_one_around_it_sixteen_times(
    make_memory: MakeMemory, clock: Clock
) -> None:
    store = MemoryStore(make_memory(), [SMALL], clock=clock)

    def admitted(network: int, hosts: range) -> int:
        clients = [[b"%d/%d" % (network, host), b"%d" % network, b"all"] for host in hosts for _ in range(9)]
        return sum(store.spend(client, [SMALL]).is_admitted for client in clients)

    assert admitted(0, range(1)) == 3
    assert admitted(0, range(1, 256)) == 9
    assert [admitted(network, range(256)) for network in range(1, 6)] == [12, 12, 12, 0, 0]
    # It comes back at the same multiple of the rate.
    clock.now += 10 * SECOND
    assert admitted(0, range(1)) == 1
    assert sum(admitted(network, range(256)) for network in range(256)) == 15
    assert store.spend([b"alone"], [SMALL]).is_admitted
    store.close()


def test_what_a_network_may_not_is_charged_to_none_of_its_members(
    make_memory: MakeMemory, clock: Clock
) -> None:
    store = MemoryStore(make_memory(), [SMALL], clock=clock)
    while store.spend([b"%d" % clock.now, b"net", b"all"], [SMALL]).is_admitted:
        clock.now += 1
    member = [b"member", b"net", b"all"]
    before = store.peek(member, [SMALL])
    refused = store.spend(member, [SMALL])
    assert (refused.is_admitted, refused.debts[0]) == (False, 0)
    assert refused == before == store.peek(member, [SMALL])
    # Who belongs to it is told its wait, and that nothing is left.
    [(limit, debt)] = refused.standings([SMALL])
    assert (limit.count, limit.remaining(debt), limit.wait(debt) > 0) == (12, 0, True)
    store.close()


def test_a_client_is_told_of_the_quota_that_leaves_it_least(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(), [SMALL, DEFAULT], clock=clock)
    for host in range(5):
        store.spend([b"%d" % host, b"net", b"all"], [SMALL, DEFAULT])
        store.spend([b"%d" % host, b"net", b"all"], [SMALL, DEFAULT])
    decision = store.spend([b"new", b"net", b"all"], [SMALL, DEFAULT])
    standings = decision.standings([SMALL, DEFAULT])
    # One of the network's 12 is left, two of the client's own; of the other limit the client's own are fewer.
    assert [(limit.count, limit.remaining(debt)) for limit, debt in standings] == [(12, 1), (200, 199)]
    store.close()


@settings(deadline=None)
@given(requests(clients=3 * WAYS), st.sampled_from([1, 64]))
def test_no_network_gets_more_than_its_share_however_few_the_slots(
    asked: list[tuple[int, int]], sets: int
) -> None:
    memory, clock = SharedMemory(sets=sets), Clock()
    models = [Model(limit) for limit in SMALL.limits]
    store = MemoryStore(memory, [SMALL], clock=clock)
    for number, seconds in asked:
        clock.now += seconds * SECOND
        client = [b"%d" % number, b"%d" % (number // 8), b"%d" % (number // 24)]
        if store.spend(client, [SMALL]).is_admitted:
            for model, key in zip(models, client, strict=True):
                assert model.admits(key, clock.now), "more than the limit"
                model.add(key, clock.now)
    store.close()
    memory.close()


def test_to_peek_costs_nothing(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(), [SMALL], clock=clock)
    assert [store.peek([b"client"], [SMALL]) for _ in range(9)] == [(True, [0])] * 9
    store.close()


def test_what_is_given_back_can_be_spent_again_and_never_more_than_all(
    make_memory: MakeMemory, clock: Clock
) -> None:
    store = MemoryStore(make_memory(), [SMALL, DEFAULT], clock=clock)
    client = [b"client", b"network", b"network around it"]
    store.give_back(client, [SMALL])
    assert [store.spend(client, [SMALL]).is_admitted for _ in range(4)] == [True] * 3 + [False]
    store.give_back(client, [SMALL])
    assert [store.spend(client, [SMALL]).is_admitted for _ in range(2)] == [True, False]
    for _ in range(9):
        store.give_back(client, [SMALL])
    assert store.peek(client, [SMALL]) == (True, [0, 0, 0])
    assert [store.spend(client, [SMALL]).is_admitted for _ in range(4)] == [True] * 3 + [False]
    store.close()


def test_nothing_is_given_back_to_strangers(make_memory: MakeMemory, clock: Clock) -> None:
    store = MemoryStore(make_memory(sets=1), [SMALL], clock=clock)
    for number in range(WAYS):
        for _ in range(3):
            store.spend([b"%d" % number], [SMALL])
    for _ in range(9):
        store.give_back([b"stranger"], [SMALL])
    assert not any(store.peek([b"%d" % number], [SMALL]).is_admitted for number in range(WAYS))
    store.close()


def test_more_policies_than_tables_are_refused(make_memory: MakeMemory) -> None:
    with pytest.raises(ValueError, match="2 policies do not fit into 5 tables"):
        MemoryStore(make_memory(tables=5), [DEFAULT, SMALL])
