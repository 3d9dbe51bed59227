"""Rows of the database as the service uses them; named tuples where each request makes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
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
class Profile:
    """What a provider said of somebody who signs in.

    Attributes:
        provider: its name in PROVIDERS.
        identity: who it is, with an e-mail address that is vouched for.
        sid: the session at the provider, by which it can end ours; None where it names none.
        hosted_domain: Google's claim `hd`, as it came.
        groups_claim: the value of N_GROUPS_CLAIM, as it came; None where there is none.
    """

    provider: str
    identity: PendingIdentity
    sid: str | None
    hosted_domain: object
    groups_claim: object


@dataclass(frozen=True, slots=True)
class Account:
    """The account of an identity that has just been used.

    Attributes:
        user_id: whose it is.
        identity_id: the identity's.
        is_disabled: whether the account is; nothing was changed then.
        has_new_email: whether the account's e-mail address has followed the identity's.
        has_email_conflict: whether the identity's new e-mail address is another account's.
    """

    user_id: UUID
    identity_id: UUID
    is_disabled: bool
    has_new_email: bool
    has_email_conflict: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whether an identity was admitted by an invitation once, and whether one is open for its address."""

    was_used: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """What became of an identity that somebody wants to link.

    Attributes:
        user_id: of the session's person.
        identity_id: None where the identity is another person's.
        remaining: until the session ends.
    """

    user_id: UUID
    identity_id: UUID | None
    remaining: timedelta


@dataclass(frozen=True, slots=True)
class RemovedIdentity:
    """What became of an identity that somebody wants to remove.

    Attributes:
        is_theirs: whether the person had it.
        is_deleted: whether it is gone; the last one stays.
        ends_session: whether the session that asked began with it.
    """

    is_theirs: bool
    is_deleted: bool
    ends_session: bool


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """Whom a provider has signed out: one session there, or everything of a subject.

    Attributes:
        provider: its name.
        issuer: of the identity.
        subject: of the identity, or None.
        sid: of a session at the provider, or None; it wins.
        token_id: the same for the same token.
        period: for which the token has to be known.
    """

    provider: str
    issuer: str
    subject: str | None
    sid: str | None
    token_id: bytes
    period: timedelta


@dataclass(frozen=True, slots=True)
class ProviderLogout:
    """What a logout token did: whether it came for the first time, and how many sessions it ended."""

    is_new: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity that somebody signs in with.

    Attributes:
        email: as the provider said at its last use; None where it has not been used since it was linked.
    """

    id: UUID
    issuer: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


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
    """A session that has just ended.

    Attributes:
        user_id: None where the person had not registered.
        provider: the name of the one it began with; None where the release before began it.
    """

    id: UUID
    user_id: UUID | None
    provider: str | None


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


@dataclass(frozen=True, slots=True)
class SessionOrigin:
    """The sign-in that begins a session.

    Attributes:
        provider: the name of the one that was asked.
        state_hash: of the attempt.
        sid: the session at the provider, or None.
        groups: that the provider claims.
        client: for the list of sessions.
    """

    provider: str
    state_hash: bytes
    sid: str | None
    groups: list[str]
    client: Client
