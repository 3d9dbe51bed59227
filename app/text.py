"""What counts as a control character in names and other text that people write."""

import unicodedata

_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Controls, lone surrogates, line and paragraph separators. Joiners (Cf) belong to many scripts and emoji."""


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text)


def without_control_characters(text: str) -> str:
    return "".join(character for character in text if not has_control_characters(character))
