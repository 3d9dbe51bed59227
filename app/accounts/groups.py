"""Rules for the names of groups, from operators and providers."""

import string
from itertools import accumulate
from urllib.parse import quote

from app.models import Profile
from app.telemetry.security_events import log_event

MAX_NAME_LENGTH = 100
MAX_GROUPS = 200
"""A person may have by hand, or an identity by its provider's claims."""
MAX_CLAIMED_LENGTH = 20 * 1024
"""Characters of an identity's groups in X-Auth-Groups. Proxies and applications refuse longer headers."""

_UNENCODED = string.punctuation.replace("%", " ")


def usable_group(text: str) -> str | None:
    """The name without blanks around it; None where it has control characters or commas, or is too long."""
    name = text.strip()
    is_usable = 1 <= len(name) <= MAX_NAME_LENGTH and name.isprintable() and "," not in name
    return name if is_usable else None


def claimed_groups(profile: Profile) -> list[str]:
    """The groups that a provider claims, sorted: an array of names, or text with blanks between them.

    What cannot be a name is left out, and what is beyond MAX_GROUPS or MAX_CLAIMED_LENGTH; an event says so.
    """
    claim = profile.groups_claim
    items = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    names = [usable_group(item) if isinstance(item, str) else None for item in items]
    usable = list(dict.fromkeys(name for name in names if name))
    lengths = accumulate(len(quote(name, safe=_UNENCODED)) + 1 for name in usable[:MAX_GROUPS])
    kept = [name for name, length in zip(usable, lengths, strict=False) if length <= MAX_CLAIMED_LENGTH]
    is_strange = claim is not None and not isinstance(claim, str | list)
    if left_out := names.count(None) + len(usable) - len(kept) + is_strange:
        log_event("groups_left_out", provider=profile.provider, count=left_out)
    return sorted(kept)
