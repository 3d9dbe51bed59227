"""The client's address, also behind proxies, and its key in the limiter."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

CACHE_SIZE = 1024
"""Pairs of peer and header. A client repeats its pair with each request."""
MAX_CACHED_LENGTH = 200
"""Characters of X-Forwarded-For. Longer ones would let clients fill the memory."""
MAX_ENTRIES = 8
"""Entries of X-Forwarded-For that are read, from the right: a client behind seven proxies and the peer."""
MAX_ENTRY_LENGTH = 100
"""Characters. The longest address has 45; a zone, brackets and a port may come with it."""
IPV6_NETWORK_BYTES = (8, 7, 6)
"""A /64, of which a client can use any address; the /56 and /48 that a subscriber may get (RFC 6177)."""
IPV4_IN_IPV6 = {
    IPv6Network("64:ff9b::/96"): 12,
    IPv6Network("::ffff:0:0:0/96"): 12,
    IPv6Network("2002::/16"): 2,
}
"""NAT64 (RFC 6052), SIIT (RFC 2765) and 6to4 (RFC 3056): the byte with which the IPv4 address begins."""
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
"""NAT64 with a prefix of the operator's own (RFC 8215), mostly a /96."""


class ClientAddress(NamedTuple):
    """A client's address, the same as text, and the keys by which the limiter knows the client."""

    address: Address
    text: str
    keys: tuple[bytes, ...]


class ClientAddressFinder:
    """Reads X-Forwarded-For from the right, through trusted proxies only.

    Each proxy appends the address of its caller, so a client can write everything but the right end. The
    first address from the right that is not a trusted proxy is the client. If all are trusted, it is the
    left-most. No entry beyond MAX_ENTRIES is looked at, as this happens before any limit.
    """

    def __init__(self, trusted_proxies: Iterable[Network]) -> None:
        self._trusted = tuple(trusted_proxies)
        self._cached_find = lru_cache(maxsize=CACHE_SIZE)(self._described)

    def find(self, peer: str, forwarded_for: str | None) -> ClientAddress | None:
        """The client's address; None where the peer has none (a Unix socket).

        Args:
            peer: the address of the TCP connection.
            forwarded_for: the X-Forwarded-For header, its repetitions joined by commas.
        """
        if forwarded_for and len(forwarded_for) > MAX_CACHED_LENGTH:
            return self._described(peer, forwarded_for)
        return self._cached_find(peer, forwarded_for)

    def _described(self, peer: str, forwarded_for: str | None) -> ClientAddress | None:
        address = self._find(peer, forwarded_for)
        return ClientAddress(address, str(address), client_keys(address)) if address else None

    def trusts(self, peer: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        found = self.find(peer, None)
        return found is not None and self._is_trusted(found.address)

    def _find(self, peer: str, forwarded_for: str | None) -> Address | None:
        nearest = _parse(peer)
        if nearest is None or not forwarded_for or not self._is_trusted(nearest):
            return nearest
        # rsplit leaves the entries further left in one piece, which is cut off.
        for entry in reversed(forwarded_for.rsplit(",", MAX_ENTRIES)[-MAX_ENTRIES:]):
            address = _parse(entry)
            if address is None:
                return nearest
            nearest = address
            if not self._is_trusted(address):
                return nearest
        return nearest

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted if network.version == address.version)


def client_keys(address: Address) -> tuple[bytes, ...]:
    """What the limiter knows a client by: the IPv4 address; or the IPv6 /64, and the /56 and /48 around it.

    An IPv6 address that stands for an IPv4 address counts as that.
    """
    if isinstance(address, IPv4Address):
        return (address.packed,)
    key = _translated(address)
    return (key,) if key else tuple(address.packed[:length] for length in IPV6_NETWORK_BYTES)


def _translated(address: IPv6Address) -> bytes | None:
    """The IPv4 address in an IPv6 address; None where there is none."""
    for network, start in IPV4_IN_IPV6.items():
        if address in network:
            return address.packed[start : start + 4]
    if address in LOCAL_NAT64:
        # Behind a shorter prefix the address ends with zeros; then nobody else has all of it.
        return address.packed[12:] if any(address.packed[13:]) else address.packed
    return address.teredo[1].packed if address.teredo else None


def _parse(text: str) -> Address | None:
    if len(text) > MAX_ENTRY_LENGTH:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address
