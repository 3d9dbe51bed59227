"""Who may read the metrics."""

import hmac
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from app.web.client_address import ClientAddressFinder

LOCAL_NETWORKS = tuple(
    ip_network(network)
    for network in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")
"""What proxies add: with one of them, the peer is not who asks."""


class MetricsAccess:
    """With a token: who presents it (RFC 6750). Without: who calls directly from the service's own network.

    Args:
        token: METRICS_TOKEN.
    """

    def __init__(self, token: str | None) -> None:
        # surrogateescape: the bytes of the environment, also where they are no UTF-8.
        self._token = token.encode("utf-8", "surrogateescape") if token else None
        self._peers = ClientAddressFinder(())

    def allows(self, environ: Mapping[str, Any]) -> bool:
        """Whether the sender of this WSGI request may read them."""
        if self._token is not None:
            return _bearer(environ, self._token)
        if any(header in environ for header in FORWARDING_HEADERS):
            return False
        peer = self._peers.find(environ.get("REMOTE_ADDR", ""), None)
        return peer is not None and any(peer in network for network in LOCAL_NETWORKS)


def _bearer(environ: Mapping[str, Any], token: bytes) -> bool:
    scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    # latin-1: PEP 3333's way of writing bytes.
    is_equal = hmac.compare_digest(given.strip(" ").encode("latin-1", "replace"), token)
    return is_equal and scheme.lower() == "bearer"
