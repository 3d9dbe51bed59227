"""Rows as the service sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account."""

    id: UUID
    email: str
    name: str | None
    picture: str | None


@dataclass(frozen=True, slots=True)
class PendingIdentity:
    """What the provider said of somebody who has no account yet."""

    issuer: str
    subject: str
    email: str
    name: str | None
    picture: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account that an identity belongs to."""

    user_id: UUID
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A live session: of a user, or of somebody who may become one."""

    id: UUID
    expires_at: datetime
    user: User | None
    pending: PendingIdentity | None


@dataclass(frozen=True, slots=True)
class InsertedSession:
    """A session just made, and the user whose session in the same browser ended with that."""

    id: UUID
    previous_user_id: UUID | None


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has just ended; without a user when it was still to be registered."""

    id: UUID
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session as its owner sees it in a list; `id` is a handle, not a credential."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class APIToken:
    """An API token as its owner sees it in a list; without the secret, which is nowhere."""

    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenUse:
    """Whom a live API token stands for, and until when."""

    user: User
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from; kept with a session for its list only."""

    ip: str | None
    user_agent: str | None
