"""Who is asking, when proxies stand between."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 100
"""Characters of an entry: an IPv6 address in brackets, its zone, a port, and blanks."""


class ClientAddressFinder:
    """Reads X-Forwarded-For from the right, through trusted proxies only.

    Each proxy appends the address it was called from, so the right end is the only part that a client
    cannot write. The first address from the right that is no trusted proxy is the client; where all are
    trusted, the left-most is.
    """

    def __init__(self, trusted_proxies: Iterable[Network]) -> None:
        self._trusted = tuple(trusted_proxies)

    def find(self, peer: str, forwarded_for: str | None) -> Address | None:
        """The client's address; None when the peer has none (a Unix socket).

        Args:
            peer: the address of the TCP connection.
            forwarded_for: the X-Forwarded-For header, its repetitions joined by commas.
        """
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
    return _parse_short(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=1024)
def _parse_short(text: str) -> Address | None:
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
