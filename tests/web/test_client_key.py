"""Who counts as one client."""

import random
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

import pytest
from falcon.testing import Result, simulate_get

from tests.support.visitor import Visitor

ATTEMPTS = 300


@pytest.fixture
def visitor(make_app: Callable[..., Any]) -> Visitor:
    """Behind a proxy on this machine; three requests an hour."""
    return Visitor(make_app(RATE_LIMIT="3/hour"))


def ask(visitor: Visitor, forwarded_for: str) -> Result:
    return visitor.get("/", headers={"X-Forwarded-For": forwarded_for})


def exhaust(visitor: Visitor, forwarded_for: str) -> None:
    while ask(visitor, forwarded_for).status_code == 200:
        pass


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("203.0.113.7", "203.0.113.7:4711"),
    ],
)
def test_these_are_one_client(visitor: Visitor, one: str, other: str) -> None:
    exhaust(visitor, one)
    assert ask(visitor, other).status_code == 429


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8:1:2::3", "2001:db8:1:3::3"), ("203.0.113.7", "203.0.113.8"), ("1.2.3.4", "102:304::")],
)
def test_these_are_two(visitor: Visitor, one: str, other: str) -> None:
    exhaust(visitor, one)
    assert ask(visitor, other).status_code == 200


def test_no_chain_that_a_client_invents_makes_it_somebody_else(visitor: Visitor) -> None:
    exhaust(visitor, "203.0.113.7")
    hostile = random.Random(0)  # noqa: S311  # the same chains at each run
    for _ in range(ATTEMPTS):
        invented = [str(IPv6Address(hostile.getrandbits(128))) for _ in range(hostile.randint(1, 5))]
        assert ask(visitor, ", ".join([*invented, "203.0.113.7"])).status_code == 429


def test_as_many_networks_as_one_likes_do_not_refill_a_bucket(visitor: Visitor) -> None:
    exhaust(visitor, "2001:db8::1")
    statuses = {ask(visitor, f"2001:db8:0:{number:x}::1").status_code for number in range(1, ATTEMPTS)}
    assert statuses == {200}
    assert ask(visitor, "2001:db8::2").status_code == 429


def test_callers_without_an_address_are_one_client(make_app: Callable[..., Any]) -> None:
    app = make_app(RATE_LIMIT="2/hour")
    # No address, as at the other end of a Unix socket.
    statuses = [simulate_get(app, "/", remote_addr="unnamed").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
