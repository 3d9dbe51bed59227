"""Where this service reaches a provider: at its endpoints, or by N_INTERNAL_URL inside a network."""

from urllib.parse import urlsplit


class Addresses:
    """The issuer's URL, and what stands for it inside the network.

    Args:
        issuer: as browsers know it.
        internal: N_INTERNAL_URL, or None.
    """

    def __init__(self, issuer: str, internal: str | None) -> None:
        self.base = issuer.rstrip("/")
        self.internal = internal

    def reached(self, url: str) -> str:
        """The URL to ask in place of one of the provider's. Only those under the issuer have a twin."""
        if self.internal and _is_under(url, self.base):
            return self.internal + url.removeprefix(self.base)
        return url

    def is_usable(self, url: object) -> bool:
        """Whether an endpoint is a plain URL, of https where the issuer's is, or inside the network."""
        if not isinstance(url, str):
            return False
        if self.internal and _is_under(url, self.internal):
            return _is_url(url, {"https", "http"})
        return _is_url(url, {"https"} if self.base.startswith("https://") else {"https", "http"})


def _is_under(url: str, base: str) -> bool:
    return url == base or url.startswith(f"{base}/")


def _is_url(text: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not {" ", "\\"} & set(text)
    return has_host and is_plain and parts.scheme in schemes
