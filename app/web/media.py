"""Rows as the API shows them."""

from app.models import PendingIdentity, User


def user_media(person: User | PendingIdentity) -> dict[str, str | None]:
    """A person; without an account the id is null."""
    return {
        "id": str(person.id) if isinstance(person, User) else None,
        "email": person.email,
        "name": person.name,
        "picture": person.picture,
    }
