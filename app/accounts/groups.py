"""Rules for the names of groups, from operators and providers."""

MAX_NAME_LENGTH = 100
MAX_GROUPS = 200
"""A person may have by hand, or an identity by its provider's claims."""


def usable_group(text: str) -> str | None:
    """The name without blanks around it; None where it has control characters or commas, or is too long."""
    name = text.strip()
    is_usable = 1 <= len(name) <= MAX_NAME_LENGTH and name.isprintable() and "," not in name
    return name if is_usable else None
