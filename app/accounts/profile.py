"""Rules for e-mail addresses, subjects, names and pictures, from people and providers."""

import re
import unicodedata
from urllib.parse import urlsplit

MAX_EMAIL_LENGTH = 320
MAX_NAME_LENGTH = 200
MAX_PICTURE_LENGTH = 2000
MAX_SUBJECT_LENGTH = 255

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, lone surrogates, line and paragraph separators. Cf stays: scripts and emoji need its joiners."""


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text)


def is_picture_url(text: str) -> bool:
    """Whether this is an https URL of at most MAX_PICTURE_LENGTH printable ASCII characters.

    The host is a name or an IPv4 address. The pattern in app/openapi/description.json says the same.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' \\"<>')
    has_brackets = bool(set(parts.netloc) & set("[]"))
    is_https = parts.scheme == "https" and bool(host) and not has_brackets
    return is_https and is_plain and len(text) <= MAX_PICTURE_LENGTH


def without_control_characters(text: str) -> str:
    return "".join(character for character in text if not has_control_characters(character))


def usable_email(text: str) -> str | None:
    """The address in lower case, as accounts store it; None where it is not an address, or too long."""
    claimed = text.strip()
    if any(_becomes_ascii(character) for character in claimed):
        return None
    email = claimed.lower()
    if len(email) > MAX_EMAIL_LENGTH or not email.isprintable() or not _EMAIL.fullmatch(email):
        return None
    return email


def _becomes_ascii(character: str) -> bool:
    """Whether the lower case has an ASCII letter that was none, so that an address would be somebody else's.

    So it is with the Kelvin sign, a k, and with the dotted İ, in Python an i with another dot, in PostgreSQL
    an i by some of its locales.
    """
    return not character.isascii() and any(lower.isascii() for lower in character.lower())


def usable_name(text: str) -> str | None:
    """A provider's name without control characters, cut to MAX_NAME_LENGTH; None where nothing is left."""
    return without_control_characters(text).strip()[:MAX_NAME_LENGTH].strip() or None


def is_subject(text: str) -> bool:
    """Whether this is a valid `sub` (OpenID Connect Core 1.0, section 2)."""
    return 0 < len(text) <= MAX_SUBJECT_LENGTH and text.isprintable()
