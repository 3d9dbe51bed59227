"""Domain names as the DNS has them (RFC 5890)."""

from dataclasses import dataclass

import idna


def a_label(domain: str) -> str:
    """The domain in ASCII: `xn--mnchen-3ya.example` for `münchen.example`; as it is where it is not valid."""
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def canonical_email(email: str) -> str:
    """The address with its domain as an A-label."""
    name, _, domain = email.rpartition("@")
    return f"{name}@{a_label(domain)}"


def is_under(host: str, domain: str) -> bool:
    """Whether the host is the domain, or below it."""
    return f".{host}".endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class Siblings:
    """The hosts that share the session with the API.

    Attributes:
        scheme: of API_URL: https, as http cannot send the cookie's prefix; http in development alone.
        domain: COOKIE_DOMAIN.
    """

    scheme: str
    domain: str

    def include(self, scheme: str, host: str) -> bool:
        return scheme == self.scheme and is_under(host, self.domain)
