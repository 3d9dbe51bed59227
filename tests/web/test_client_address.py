"""The client's address through proxies, and what a client can forge of it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings.config import PRIVATE_NETWORKS
from app.settings.parsers import networks
from app.web import client_address
from app.web.client_address import MAX_ENTRIES, MAX_ENTRY_LENGTH, Address, ClientAddressFinder

FINDER = ClientAddressFinder(networks(PRIVATE_NETWORKS))
LINE = 8190
LINES = 96
"""As many lines, each so long, of one header reach the application at most."""


def find(peer: str, forwarded_for: str | None, finder: ClientAddressFinder = FINDER) -> Address | None:
    found = finder.find(peer, forwarded_for)
    return found and found.address


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("172.18.0.2", "198.51.100.1", "198.51.100.1"),
        ("172.18.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("172.18.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("172.18.0.2", "10.0.0.8, 10.0.0.7", "10.0.0.8"),
        ("172.18.0.2", "", "172.18.0.2"),
        ("172.18.0.2", "nonsense", "172.18.0.2"),
        ("172.18.0.2", "198.51.100.1, nonsense, 10.0.0.7", "10.0.0.7"),
        ("172.18.0.2", "198.51.100.1:4711", "198.51.100.1"),
        ("172.18.0.2", "[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:172.18.0.2", "::ffff:198.51.100.1", "198.51.100.1"),
        ("fd00::2", "2001:db8::1%eth0", "2001:db8::1"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(
    peer: str, forwarded_for: str | None, client: str
) -> None:
    assert find(peer, forwarded_for) == ip_address(client)


def test_a_unix_socket_has_no_address() -> None:
    assert find("", "198.51.100.1") is None


@given(forged=st.text(max_size=200))
def test_whatever_a_client_writes_the_proxys_entry_counts(forged: str) -> None:
    assert find("172.18.0.2", f"{forged},198.51.100.1") == ip_address("198.51.100.1")


@given(forged=st.text(max_size=200))
def test_without_a_trusted_proxy_the_header_is_nothing(forged: str) -> None:
    finder = ClientAddressFinder([ip_network("10.0.0.0/8")])
    assert find("198.51.100.1", forged, finder) == ip_address("198.51.100.1")


def test_a_client_behind_seven_proxies_and_the_peer_is_found() -> None:
    proxies = [f"10.0.0.{number}" for number in range(1, MAX_ENTRIES)]
    assert find("172.18.0.2", ", ".join(["6.6.6.6", "198.51.100.1", *proxies])) == ip_address("198.51.100.1")


def test_of_a_longer_chain_the_left_most_entry_that_is_read_counts() -> None:
    proxies = [f"10.0.0.{number}" for number in range(1, 100)]
    assert find("172.18.0.2", ",".join(proxies)) == ip_address(proxies[-MAX_ENTRIES])


@pytest.mark.parametrize(
    "forged",
    [
        "::1," * (LINES * LINE // 4),
        "10.0.0.1," * (LINES * LINE // 9),
        "," * (LINES * LINE),
        ":" * (LINES * LINE),
        "." * (LINES * LINE),
        " " * (LINES * LINE),
        "[" * (LINES * LINE),
        "fe80::1%" + "z" * (LINES * LINE),
        "1" * (LINES * LINE),
    ],
    ids=["loopback", "private", "commas", "colons", "dots", "blanks", "brackets", "zone", "digits"],
)
@pytest.mark.parametrize("end", ["", "10.0.0.1", ",10.0.0.1", ",198.51.100.1"])
def test_a_header_of_any_length_costs_no_more_than_a_short_one(
    forged: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(text: str) -> Address:
        read.append(text)
        return ip_address(text)

    monkeypatch.setattr(client_address, "ip_address", counted)
    find("172.18.0.2", forged + end)
    peer = 1
    assert len(read) <= MAX_ENTRIES + peer
    assert all(len(text) <= MAX_ENTRY_LENGTH for text in read)


def test_the_proxys_entry_counts_however_much_stands_before_it() -> None:
    assert find("172.18.0.2", "::1," * 200_000 + "198.51.100.1") == ip_address("198.51.100.1")
