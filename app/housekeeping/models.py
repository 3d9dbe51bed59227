"""Rows as an operator sees them. Token hashes are not among them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account."""

    id: UUID
    email: str
    name: str | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session; `user_id` is None as long as somebody has not registered."""

    id: UUID
    user_id: UUID | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class APITokenRow:
    """A user's API token; without `expires_at` it stays until it is deleted."""

    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of a user's sessions and API tokens were ended."""

    sessions: int
    api_tokens: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch did and where the next one goes on.

    Attributes:
        changed: rows deleted or updated.
        after: `expires_at` of the last row looked at.
        after_id: its id, where the order needs one.
        began: when the first batch ran, by the database's clock, where it matters.
    """

    changed: int
    after: datetime
    after_id: UUID | None = None
    began: datetime | None = None


FIRST_STEP = Step(0, datetime.min.replace(tzinfo=UTC), UUID(int=0))
"""Before every row."""
