"""Decides who may read the metrics."""

import hmac
from collections.abc import Mapping
from typing import Any

from app.settings.config import PRIVATE_NETWORKS
from app.settings.parsers import networks
from app.web.authentication import bearer_token
from app.web.client_address import ClientAddressFinder

LOCAL_NETWORKS = networks(PRIVATE_NETWORKS)
FORWARDING_WORDS = frozenset({
    # What proxies of every kind tell of the caller and the request: X-Forwarded-*, Forwarded, Via, X-Real-IP,
    # True-Client-IP, X-Remote-Addr, X-Original-URL, X-Scheme, Front-End-Https ...
    "FORWARDED", "VIA", "PROXY", "PROXYUSER", "ORIGINAL", "REWRITE", "IP", "IPV6", "CLIENTIP", "SOCKETIP",
    "ADDR", "ADDRESS", "SCHEME", "HTTPS", "SSL",
    # What some call themselves: CF-Ray, CDN-Loop, X-Amzn-Trace-Id, X-Azure-Ref, X-Envoy-Attempt-Count ...
    "CF", "CDN", "CLOUDFRONT", "FASTLY", "AKAMAI", "SUCURI", "INCAP", "AMZ", "AMZN", "ARR", "AZURE", "ENVOY",
    "FLY", "VARNISH", "VERCEL", "SURROGATE",
})  # fmt: skip
"""A header with one of these words in its name was added by a proxy, so the caller is not the peer."""


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
        if any(_is_forwarding(name) for name in environ):
            return False
        peer = self._peers.find(environ.get("REMOTE_ADDR", ""), None)
        return peer is not None and any(peer.address in network for network in LOCAL_NETWORKS)


def _is_forwarding(name: str) -> bool:
    """Whether this key of a WSGI environ is a header that proxies add."""
    prefix, *words = name.split("_")
    return prefix == "HTTP" and not FORWARDING_WORDS.isdisjoint(words)
