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
        # NAT64, also with an operator's own prefix; SIIT; 6to4; Teredo.
        ("203.0.113.7", "64:ff9b::203.0.113.7"),
        ("203.0.113.7", "64:ff9b:1::203.0.113.7"),
        ("203.0.113.7", "64:ff9b:1:abcd::203.0.113.7"),
        ("203.0.113.7", "::ffff:0:203.0.113.7"),
        ("203.0.113.7", "2002:cb00:7107::1"),
        ("2002:cb00:7107:1::1", "2002:cb00:7107:2::2"),
        ("203.0.113.7", "2001:0:4136:e378:8000:63bf:34ff:8ef8"),
        ("2001:0:4136:e378:8000:1:34ff:8ef8", "2001:0:808:808:0:2:34ff:8ef8"),
        ("[64:ff9b::203.0.113.7]:443", "203.0.113.7"),
    ],
)
def test_these_are_one_client(visitor: Visitor, one: str, other: str) -> None:
    exhaust(visitor, one)
    assert ask(visitor, other).status_code == 429


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:3::3"),
        ("203.0.113.7", "203.0.113.8"),
        ("1.2.3.4", "102:304::"),
        ("64:ff9b::203.0.113.7", "64:ff9b::203.0.113.8"),
        ("64:ff9b:1::203.0.113.7", "64:ff9b:1::203.0.113.8"),
        # Prefixes of 48, 56 and 64 bits with 203.0.113.7 and 203.0.113.8 in them (RFC 6052, section 2.4).
        ("64:ff9b:1:cb00:71:700::", "64:ff9b:1:cb00:71:800::"),
        ("64:ff9b:1:cb:0:7107::", "64:ff9b:1:cb:0:7108::"),
        ("64:ff9b:1:0:cb:71:700::", "64:ff9b:1:0:cb:71:800::"),
        ("::ffff:0:203.0.113.7", "::ffff:0:203.0.113.8"),
        ("2002:cb00:7107::1", "2002:cb00:7108::1"),
        ("2001:0:4136:e378:8000:63bf:34ff:8ef8", "2001:0:4136:e378:8000:63bf:34ff:8ef7"),
    ],
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
    statuses = {ask(visitor, f"2001:db8:{number:x}::1").status_code for number in range(1, ATTEMPTS)}
    assert statuses == {200}
    assert ask(visitor, "2001:db8::2").status_code == 429


@pytest.mark.parametrize(
    ("addresses", "admitted"),
    [
        ([f"2001:db8:1:2{number:02x}::1" for number in range(256)], 12),
        ([f"2001:db8:1:{number:02x}00::1" for number in range(256)], 48),
        ([f"2001:db8:1:{number:x}::1" for number in range(0, 65536, 97)], 48),
    ],
    ids=["a /56", "a /48", "a /48 by other ways"],
)
def test_a_network_of_ipv6_gets_a_multiple_of_the_limit_and_no_more(
    visitor: Visitor, addresses: list[str], admitted: int
) -> None:
    statuses = [ask(visitor, address).status_code for address in addresses for _ in range(4)]
    assert statuses.count(200) == admitted
    assert set(statuses) == {200, 429}
    # The neighbours have theirs, and so has everybody on IPv4.
    assert ask(visitor, "2001:db8:2::1").status_code == 200
    assert ask(visitor, "203.0.113.7").status_code == 200


def test_who_has_used_up_a_network_is_told_the_networks_wait(visitor: Visitor) -> None:
    statuses = [ask(visitor, f"2001:db8:1:2{number:02x}::1") for number in range(13)]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in statuses[:12]] == [
        *["r=2"] * 10, "r=1", "r=0",
    ]  # fmt: skip
    refused = statuses[12]
    assert refused.status_code == 429
    assert refused.headers["ratelimit-policy"] == '"default";q=3;w=3600'
    # Twelve an hour are one each 300 seconds.
    assert refused.headers["ratelimit"] == '"default";r=0;t=300'
    assert refused.headers["retry-after"] == "300"


def test_callers_without_an_address_are_one_client(make_app: Callable[..., Any]) -> None:
    app = make_app(RATE_LIMIT="2/hour")
    # No address, as at the other end of a Unix socket.
    statuses = [simulate_get(app, "/", remote_addr="unnamed").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
