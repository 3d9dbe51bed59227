"""Who is asking, when proxies stand between."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REMEMBERED = 1024
"""Who asks, asks again."""
LONGEST_REMEMBERED = 200
"""Characters of a header, as clients choose how long it is."""


class ClientAddressFinder:
    """Reads X-Forwarded-For from the right, through trusted proxies only.

    Each proxy appends the address it was called from, so the right end is the only part that a client
    cannot write. The first address from the right that is no trusted proxy is the client; where all are
    trusted, the left-most is.
    """

    def __init__(self, trusted_proxies: Iterable[Network]) -> None:
        self._trusted = tuple(trusted_proxies)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._find)

    def find(self, peer: str, forwarded_for: str | None) -> Address | None:
        """The client's address; None when the peer has none (a Unix socket).

        Args:
            peer: the address of the TCP connection.
            forwarded_for: the X-Forwarded-For header, its repetitions joined by commas.
        """
        if forwarded_for and len(forwarded_for) > LONGEST_REMEMBERED:
            return self._find(peer, forwarded_for)
        return self._remembered(peer, forwarded_for)

    def _find(self, peer: str, forwarded_for: str | None) -> Address | None:
        nearest = _parse(peer)
        if nearest is None or not forwarded_for or not self._is_trusted(nearest):
            return nearest
        for entry in reversed(forwarded_for.split(",")):
            address = _parse(entry)
            if address is None:
                return nearest
            nearest = address
            if not self._is_trusted(address):
                return nearest
        return nearest

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted if network.version == address.version)


def _parse(text: str) -> Address | None:
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
