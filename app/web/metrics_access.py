"""Decides who may read the metrics."""

import hmac
from collections.abc import Mapping
from typing import Any

from app.settings.config import PRIVATE_NETWORKS
from app.settings.parsers import networks
from app.web.authentication import bearer_token
from app.web.client_address import ClientAddressFinder

LOCAL_NETWORKS = networks(PRIVATE_NETWORKS)
FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")
"""Headers that proxies add. With one of them, the peer is a proxy and the client is somebody else."""


class MetricsAccess:
    """Allows whoever presents the token (RFC 6750); without a token, direct callers from private networks.

    Args:
        token: METRICS_TOKEN.
    """

    def __init__(self, token: str | None) -> None:
        # surrogateescape restores the variable's bytes, also those that are not UTF-8.
        self._token = token.encode("utf-8", "surrogateescape") if token else None
        self._peers = ClientAddressFinder(())

    def allows(self, environ: Mapping[str, Any]) -> bool:
        """Whether the sender of this WSGI request may read the metrics."""
        if self._token is not None:
            # latin-1 restores the header's bytes (PEP 3333).
            given = (bearer_token(environ) or "").encode("latin-1", "replace")
            return hmac.compare_digest(given, self._token)
        if any(header in environ for header in FORWARDING_HEADERS):
            return False
        peer = self._peers.find(environ.get("REMOTE_ADDR", ""), None)
        return peer is not None and any(peer in network for network in LOCAL_NETWORKS)
