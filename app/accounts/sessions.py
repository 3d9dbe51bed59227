"""The life of a session: how long it lives, when its token changes, what ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.accounts.credentials import Keyring, is_token, new_token
from app.database.queries import Queries
from app.errors import (
    AlreadyRegisteredError,
    EmailTakenError,
    NotSignedInError,
    RegistrationClosedError,
    SessionNotFoundError,
)
from app.models import Client, PendingIdentity, Session, SessionSummary, User
from app.telemetry.security_events import log_event

LIFETIME = timedelta(days=30)
"""Never extended."""
IDLE_LIMIT = timedelta(days=7)
SLIDE_INTERVAL = timedelta(minutes=5)
"""A visit moves the idle limit at most this often, so that reading stays reading."""
PENDING_LIFETIME = timedelta(hours=1)
"""How long somebody may think about registering."""


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A new session's handle, and its token for the cookie."""

    id: UUID
    token: str


class Sessions:
    """Starts, checks, rotates and ends sessions. Tokens leave here once, for the cookie."""

    def __init__(self, queries: Queries, keyring: Keyring, *, registration_is_open: bool) -> None:
        self._queries = queries
        self._keyring = keyring
        self._registration_is_open = registration_is_open

    def find(self, token: str) -> Session | None:
        """The live session of a token: one round trip, none for what cannot be a token."""
        if not is_token(token):
            return None
        current, *previous = self._keyring.token_hashes(token)
        return self._queries.find_session(
            token_hash=current,
            previous_hash=previous[0] if previous else None,
            idle_limit=IDLE_LIMIT,
            slide_interval=SLIDE_INTERVAL,
        )

    def start(
        self, owner: UUID | PendingIdentity, *, previous_token: str | None, client: Client
    ) -> StartedSession:
        """A new session; the browser's previous one ends with it (session fixation, ASVS 5.0 V7.2.4).

        Raises:
            AccountGoneError: the owner has been deleted.
        """
        token = new_token()
        lifetime = PENDING_LIFETIME if isinstance(owner, PendingIdentity) else LIFETIME
        inserted = self._queries.insert_session(
            token_hash=self._keyring.token_hash(token),
            previous_token_hashes=self._keyring.token_hashes(previous_token) if previous_token else [],
            owner=owner,
            lifetime=lifetime,
            idle_limit=min(lifetime, IDLE_LIMIT),
            client=client,
        )
        user_id = owner if isinstance(owner, UUID) else None
        log_event("signed_in", session_id=str(inserted.id), user_id=_shown(user_id))
        if inserted.previous_user_id not in {None, user_id}:
            log_event(
                "account_switched",
                session_id=str(inserted.id),
                user_id=_shown(user_id),
                previous_user_id=_shown(inserted.previous_user_id),
            )
        return StartedSession(inserted.id, token)

    def register(
        self, session_id: UUID, identity: PendingIdentity, *, name: str | None, picture: str | None
    ) -> tuple[User, str]:
        """Turns a pending session and its identity into a user; returns the user and the session's new token.

        Raises:
            RegistrationClosedError: REGISTRATION=closed.
            AlreadyRegisteredError: the identity has a user already.
            EmailTakenError: another identity's user has the e-mail.
            NotSignedInError: the pending session has ended.
        """
        try:
            user, token = self._insert_user(session_id, identity, name=name, picture=picture)
        except (AlreadyRegisteredError, EmailTakenError, RegistrationClosedError) as error:
            log_event("registration_failed", session_id=str(session_id), error=type(error).__name__)
            raise
        log_event("user_registered", user_id=str(user.id))
        return user, token

    def _insert_user(
        self, session_id: UUID, identity: PendingIdentity, *, name: str | None, picture: str | None
    ) -> tuple[User, str]:
        if not self._registration_is_open:
            raise RegistrationClosedError
        token = new_token()
        try:
            user = self._queries.insert_user(
                pending_session_id=session_id,
                token_hash=self._keyring.token_hash(token),
                name=name,
                picture=picture,
                lifetime=LIFETIME,
                idle_limit=IDLE_LIMIT,
            )
        except EmailTakenError:
            # Two tabs registering one person at once collide on the e-mail first.
            if self._queries.find_account(issuer=identity.issuer, subject=identity.subject):
                raise AlreadyRegisteredError from None
            raise
        if user is None:
            raise NotSignedInError
        return user, token

    def end(self, *tokens: str) -> None:
        """Signs out: the tokens are worth nothing from now on, on every replica."""
        hashes = [item for token in tokens if is_token(token) for item in self._keyring.token_hashes(token)]
        if not hashes:
            return
        for ended in self._queries.update_sessions_revoked(token_hashes=hashes, reason="signed_out"):
            log_event("signed_out", session_id=str(ended.id), user_id=_shown(ended.user_id))

    def revoke(self, session_id: UUID, user: User) -> None:
        """Ends one of the user's sessions, on every replica; one that has ended stays so.

        Raises:
            SessionNotFoundError: the user has no such session.
        """
        if not self._queries.update_session_of_user_revoked(
            session_id=session_id, user_id=user.id, reason="revoked"
        ):
            raise SessionNotFoundError
        log_event("session_revoked", session_id=str(session_id), user_id=str(user.id))

    def revoke_others(self, current: Session, user: User) -> int:
        """Ends the user's live sessions but the current one; how many those were."""
        count = self._queries.update_other_sessions_revoked(
            session_id=current.id, user_id=user.id, reason="revoked"
        )
        log_event("other_sessions_revoked", user_id=str(user.id), count=count)
        return count

    def list_of(self, user: User) -> Sequence[SessionSummary]:
        """The user's live sessions, the latest seen first."""
        return self._queries.list_sessions(user_id=user.id)


def _shown(user_id: UUID | None) -> str | None:
    return str(user_id) if user_id else None
