"""People as answers show them: as JSON, and as headers for an application behind a proxy."""

from urllib.parse import quote

from app.models import PendingIdentity, User

IDENTITY_HEADERS = ("X-Auth-User-Id", "X-Auth-Email", "X-Auth-Name")
"""On each answer of /auth/verify; a proxy then overwrites what a client sent under these names."""

_PRINTABLE_ASCII = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def user_media(person: User | PendingIdentity) -> dict[str, str | None]:
    """A person as JSON; the id is null until there is an account."""
    return {
        "id": str(person.id) if isinstance(person, User) else None,
        "email": person.email,
        "name": person.name,
        "picture": person.picture,
    }


def identity_headers(user: User) -> dict[str, str]:
    """IDENTITY_HEADERS of a user, percent-encoded UTF-8; an unset name is empty.

    A percent sign is encoded as well, so that decoding always restores the value.
    """
    values = (str(user.id), user.email, user.name or "")
    return {
        name: quote(value, safe=_PRINTABLE_ASCII)
        for name, value in zip(IDENTITY_HEADERS, values, strict=True)
    }
