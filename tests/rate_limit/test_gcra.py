"""The algorithm by itself."""

from hypothesis import given
from hypothesis import strategies as st

from app.rate_limit.gcra import Limit

limits = st.builds(Limit, st.integers(1, 10**9), st.integers(1, 366 * 86400))


def test_200_a_minute_are_one_each_300_ms() -> None:
    limit = Limit(200, 60)
    assert (limit.interval, limit.capacity) == (300_000_000, 60_000_000_000)
    assert [limit.remaining(debt) for debt in (0, 1, 300_000_000, 59_700_000_000, limit.capacity)] == [
        200, 199, 199, 1, 0,
    ]  # fmt: skip
    assert limit.admits(59_700_000_000)
    assert not limit.admits(59_700_000_001)
    assert limit.wait(59_700_000_000) == 0
    assert limit.wait(limit.capacity) == 300_000_000


@given(limits, st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_debt_lies_between_nothing_and_the_capacity(limit: Limit, full_at: int, now: int) -> None:
    debt = limit.debt(full_at, now)
    assert 0 <= debt <= limit.capacity < 2**64


@given(limits, st.data())
def test_who_waits_as_told_is_admitted_and_not_sooner(limit: Limit, data: st.DataObject) -> None:
    debt = data.draw(st.integers(0, limit.capacity))
    wait = limit.wait(debt)
    assert limit.admits(max(debt - wait, 0))
    assert wait == 0 or not limit.admits(debt - wait + 1)
    assert limit.admits(debt) == (limit.remaining(debt) > 0) == (wait == 0)


@given(limits)
def test_never_more_than_the_count_in_its_time(limit: Limit) -> None:
    assert limit.interval * limit.count >= limit.seconds * 1_000_000_000
