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


def session(  # noqa: PLR0913, PLR0917  # a row's columns
    session_id: UUID,
    expires_at: datetime,
    user_id: UUID | None,
    email: str,
    name: str | None,
    picture: str | None,
    groups: list[str],
    claimed_groups: list[str] | None,
    pending: dict[str, Any] | None,
) -> Session:
    """A row of find_session."""
    user = User(user_id, email, name, picture, _merged(groups, claimed_groups)) if user_id else None
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
    return User(user_id, email, name, picture, _merged(groups, claimed_groups))


def _merged(groups: Sequence[str], claimed: Sequence[str] | None) -> tuple[str, ...]:
    """The groups that a person has by hand, which are sorted, and those of an identity."""
    return tuple(sorted({*groups, *claimed})) if claimed else tuple(groups)
