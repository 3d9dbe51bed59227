"""Rows of the database as the service uses them; named tuples where each request makes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class User(NamedTuple):
    """A person with an account; the groups are sorted."""

    id: UUID
    email: str
    name: str | None
    picture: str | None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingIdentity:
    """What the provider said about a person without an account."""

    issuer: str
    subject: str
    email: str
    name: str | None
    picture: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account of an identity."""

    user_id: UUID
    is_disabled: bool


class Session(NamedTuple):
    """A live session of a user, or of a person who has not registered yet."""

    id: UUID
    expires_at: datetime
    user: User | None
    pending: PendingIdentity | None


@dataclass(frozen=True, slots=True)
class BegunSession:
    """The live session that a sign-in began; pending where the person has yet to register."""

    is_pending: bool


@dataclass(frozen=True, slots=True)
class InsertedSession:
    """A new session, and the user of the previous session that it ended."""

    id: UUID
    previous_user_id: UUID | None


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has just ended; without a user where the person had not registered."""

    id: UUID
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in its owner's list; `id` is not a credential."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class APIToken:
    """An API token in its owner's list. The secret is not kept anywhere."""

    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A live API token: its id, its user, and when it ends."""

    id: UUID
    user: User
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a sign-in came from; shown in the list of sessions."""

    ip: str | None
    user_agent: str | None
