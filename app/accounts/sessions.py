"""Starts, checks and ends sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.accounts.credentials import (
    IDLE_LIMIT,
    LIFETIME,
    PENDING_LIFETIME,
    Keyring,
    is_token,
    new_token,
    state_hash,
)
from app.database.queries import Queries
from app.errors import SessionNotFoundError
from app.models import (
    Account,
    BegunSession,
    EndedSession,
    PendingIdentity,
    Session,
    SessionOrigin,
    SessionSummary,
    User,
)
from app.telemetry.security_events import log_event


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A new session: its id, and the token for the cookie."""

    id: UUID
    token: str


class Sessions:
    """Starts, checks and ends sessions."""

    def __init__(self, *, queries: Queries, keyring: Keyring) -> None:
        self._queries = queries
        self._keyring = keyring

    def find(self, token: str) -> Session | None:
        """The live session of a token, in one round trip; in two, while SESSION_SECRET is being rotated.

        Args:
            token: has the form of one (`is_token`), so that anything else costs no query.
        """
        session = self._queries.find_session(token_hash=self._keyring.token_hash(token))
        if session is None and (previous_hash := self._keyring.previous_token_hash(token)):
            session = self._queries.find_session(token_hash=previous_hash)
        return session

    def find_begun(self, token: str, *, provider: str, state: str) -> BegunSession | None:
        """The live session of a token, if it began with the sign-in that had this provider and state."""
        return self._queries.find_begun_session(
            token_hashes=self._keyring.token_hashes(token), state_hash=state_hash(state, provider=provider)
        )

    def start(
        self, owner: Account | PendingIdentity, *, origin: SessionOrigin, previous_token: str | None
    ) -> StartedSession:
        """Starts a session, and ends the browser's previous one (session fixation, OWASP ASVS 5.0, V7.2.4).

        Args:
            owner: whose it is.
            origin: the sign-in, by which `find_begun` knows the session.
            previous_token: the one that the browser has so far.

        Raises:
            AccountGoneError: the owner has been deleted.
        """
        token = new_token()
        account = owner if isinstance(owner, Account) else None
        lifetime = LIFETIME if account else PENDING_LIFETIME
        inserted = self._queries.insert_session(
            token_hash=self._keyring.token_hash(token),
            previous_token_hashes=self._keyring.token_hashes(previous_token) if previous_token else [],
            owner=owner,
            origin=origin,
            lifetime=lifetime,
            idle_limit=min(lifetime, IDLE_LIMIT),
        )
        user_id = account.user_id if account else None
        log_event("signed_in", session_id=str(inserted.id), user_id=_shown(user_id))
        if inserted.previous_user_id not in {None, user_id}:
            log_event(
                "account_switched",
                session_id=str(inserted.id),
                user_id=_shown(user_id),
                previous_user_id=_shown(inserted.previous_user_id),
            )
        return StartedSession(inserted.id, token)

    def end(self, *tokens: str) -> Sequence[EndedSession]:
        """Ends the sessions of these tokens, for all replicas at once; returns those that were live."""
        hashes = [item for token in tokens if is_token(token) for item in self._keyring.token_hashes(token)]
        if not hashes:
            return []
        sessions = self._queries.update_sessions_revoked(token_hashes=hashes, reason="signed_out")
        for ended in sessions:
            log_event("signed_out", session_id=str(ended.id), user_id=_shown(ended.user_id))
        return sessions

    def revoke(self, session_id: UUID, user: User) -> None:
        """Ends one of the user's sessions, for all replicas at once; an ended one stays as it is.

        Raises:
            SessionNotFoundError: the user has no such session.
        """
        if not self._queries.update_session_of_user_revoked(
            session_id=session_id, user_id=user.id, reason="revoked"
        ):
            raise SessionNotFoundError
        log_event("session_revoked", session_id=str(session_id), user_id=str(user.id))

    def revoke_others(self, current: Session, user: User) -> int:
        """Ends the user's live sessions except the current one; returns how many there were."""
        count = self._queries.update_other_sessions_revoked(
            session_id=current.id, user_id=user.id, reason="revoked"
        )
        log_event("other_sessions_revoked", user_id=str(user.id), count=count)
        return count

    def list_of(self, user: User) -> Sequence[SessionSummary]:
        """The user's live sessions, the most recently seen first."""
        return self._queries.list_sessions(user_id=user.id)


def _shown(user_id: UUID | None) -> str | None:
    return str(user_id) if user_id else None
