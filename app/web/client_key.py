"""What stands for a client in the limiter."""

from app.web.client_address import Address

IPV6_NETWORK_BYTES = 8
"""A /64: what one subscriber gets, and can take addresses from at will (RFC 6177)."""


def client_key(address: Address | None) -> bytes:
    """An IPv4 address, an IPv6 /64, or nothing: whoever has no address is one client."""
    return address.packed[:IPV6_NETWORK_BYTES] if address else b""
