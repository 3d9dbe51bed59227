"""Rules for what people and providers write into names and pictures."""

import unicodedata
from urllib.parse import urlsplit

MAX_NAME_LENGTH = 200
MAX_PICTURE_LENGTH = 2000

_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, lone surrogates, line and paragraph separators. Joiners (Cf) belong to many scripts and emoji."""


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text)


def is_picture_url(text: str) -> bool:
    """Whether this is an https URL of at most MAX_PICTURE_LENGTH printable ASCII characters.

    Its host is a name or an IPv4 address: app/openapi/description.json says the same in a pattern.
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
