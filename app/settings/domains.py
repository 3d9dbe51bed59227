"""Domain names as the DNS has them (RFC 5890)."""

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


def is_under(host: str, domain: str | None) -> bool:
    """Whether the host is the domain, or below it. Nothing is under no domain."""
    return domain is not None and f".{host}".endswith(f".{domain}")
