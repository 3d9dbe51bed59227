"""Rows of the statements whose columns are not one model's fields."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.models import PendingIdentity, Session, TokenUse, User


def token_use(
    token_id: UUID,
    expires_at: datetime | None,
    user_id: UUID,
    email: str,
    name: str | None,
    picture: str | None,
    groups: list[str],
) -> TokenUse:
    """A row of find_api_token."""
    return TokenUse(token_id, User(user_id, email, name, picture, tuple(groups)), expires_at)


def session(
    _token_hash: bytes,
    session_id: UUID,
    expires_at: datetime,
    user_id: UUID | None,
    email: str,
    name: str | None,
    picture: str | None,
    groups: list[str] | None,
    pending: dict[str, Any] | None,
) -> Session:
    """A row of find_session."""
    user = User(user_id, email, name, picture, _sorted(groups) if groups else ()) if user_id else None
    return Session(session_id, expires_at, user, PendingIdentity(**pending) if pending else None)


def registered_user(
    user_id: UUID,
    email: str,
    name: str | None,
    picture: str | None,
    groups: list[str],
    claimed_groups: list[str] | None,
) -> User:
    """A row of insert_user."""
    return User(user_id, email, name, picture, _sorted([*groups, *(claimed_groups or [])]))


def _sorted(groups: Sequence[str]) -> tuple[str, ...]:
    """Each group once: some a person has by hand and by a claim."""
    return tuple(sorted(set(groups)))
