"""People as answers show them: as JSON, and as headers for an application behind a proxy."""

from typing import Any
from urllib.parse import quote

from app.models import PendingIdentity, User

IDENTITY_HEADERS = ("X-Auth-User-Id", "X-Auth-Email", "X-Auth-Name", "X-Auth-Groups")
"""On each answer of /auth/verify; a proxy then overwrites what a client sent under these names."""

_PRINTABLE_ASCII = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def user_media(person: User | PendingIdentity) -> dict[str, Any]:
    """A person as JSON; the id is null until there is an account."""
    return {
        "id": str(person.id) if isinstance(person, User) else None,
        "email": person.email,
        "name": person.name,
        "picture": person.picture,
        "groups": list(person.groups) if isinstance(person, User) else [],
    }


def identity_headers(user: User) -> dict[str, str]:
    """IDENTITY_HEADERS of a user, percent-encoded UTF-8; an unset name is empty.

    A percent sign is encoded as well, so that decoding always restores the value. No group has a comma in its
    name.
    """
    values = (str(user.id), user.email, user.name or "", ",".join(user.groups))
    return {
        name: quote(value, safe=_PRINTABLE_ASCII)
        for name, value in zip(IDENTITY_HEADERS, values, strict=True)
    }
