"""Rows as an operator sees them, without token hashes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account, with the groups given by hand."""

    id: UUID
    email: str
    name: str | None
    groups: list[str]
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session; `user_id` is None until the person has registered."""

    id: UUID
    user_id: UUID | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group, and how many people are in it."""

    group: str
    people: int


@dataclass(frozen=True, slots=True)
class MemberRow:
    """Somebody in a group; `by_provider` is the issuer that says so, if one does."""

    email: str
    by_hand: bool
    by_provider: str | None


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An open invitation, and the groups that it gives."""

    email: str
    groups: list[str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """What a user signs in with; e-mail address and groups are as the provider said last."""

    id: UUID
    issuer: str
    subject: str
    email: str | None
    groups: list[str]
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """Whose an identity is, and whether it has just become so."""

    id: UUID
    user_id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of a user's sessions and API tokens a command ended."""

    sessions: int
    api_tokens: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch did, and where the next one starts.

    Attributes:
        changed: rows deleted or updated.
        after: `expires_at` of the last row looked at.
        after_id: its id, where rows are ordered by it, too.
        began: when the first batch ran, by the database's clock; rows made later are left alone.
    """

    changed: int
    after: datetime
    after_id: UUID | None = None
    began: datetime | None = None


FIRST_STEP = Step(0, datetime.min.replace(tzinfo=UTC), UUID(int=0))
"""Before every row."""
