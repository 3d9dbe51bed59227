"""The identities that somebody signs in with: several of them may be one person's."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.accounts.admission import Admission
from app.accounts.credentials import IDLE_LIMIT, PENDING_LIFETIME, Keyring, new_token, state_hash
from app.accounts.groups import claimed_groups
from app.database.identity_queries import IdentityQueries
from app.errors import IdentityNotFoundError, LastIdentityError, SignInError, SignInTooOldError
from app.models import Identity, LogoutRequest, Profile, User
from app.telemetry.security_events import log_event

RECENT = timedelta(minutes=10)
"""How long ago somebody may have signed in who changes how they sign in (OWASP ASVS 5.0, 7.5.1)."""


class Identities:
    """Links, lists and removes identities, and ends the sessions that began with one.

    Args:
        queries: about identities.
        keyring: hashes tokens.
        admission: asked about each identity that is linked.
    """

    def __init__(self, *, queries: IdentityQueries, keyring: Keyring, admission: Admission) -> None:
        self._queries = queries
        self._keyring = keyring
        self._admission = admission

    def list_of(self, user: User) -> Sequence[Identity]:
        """The user's identities, the oldest first."""
        return self._queries.list_identities(user_id=user.id)

    def check_recent(self, session_id: UUID) -> None:
        """Returns where the session's person has just signed in.

        Raises:
            SignInTooOldError: it was longer ago than RECENT.
        """
        if not self._queries.find_recent_session(session_id=session_id, period=RECENT):
            raise SignInTooOldError

    def link(
        self, profile: Profile, *, session_id: UUID, token: str | None, state: str
    ) -> tuple[str, timedelta]:
        """Links an identity to the person of a session; returns its new token, and for how long that is good.

        Args:
            profile: what the provider said.
            session_id: the session that asked for it.
            token: the one that the browser has now.
            state: the attempt's.

        Raises:
            SignInError: domain_not_allowed; invalid_state, as the browser has another session by now, or
                none; identity_taken, as the identity is another person's.
        """
        self._admission.check(profile)
        renewed = new_token()
        linked = token and self._queries.insert_identity(
            profile.identity,
            claimed_groups(profile),
            session_id=session_id,
            token_hashes=self._keyring.token_hashes(token),
            token_hash=self._keyring.token_hash(renewed),
            state_hash=state_hash(state, provider=profile.provider),
            idle_limit=IDLE_LIMIT,
        )
        if not linked:
            raise SignInError("invalid_state", "the session that wanted the identity is not this browser's")
        if linked.identity_id is None:
            raise SignInError("identity_taken", f"user {linked.user_id} wants an identity of somebody else")
        log_event(
            "identity_linked",
            user_id=str(linked.user_id),
            identity_id=str(linked.identity_id),
            provider=profile.provider,
        )
        return renewed, linked.remaining

    def remove(self, identity_id: UUID, user: User, *, session_id: UUID) -> bool:
        """Removes an identity, and ends the sessions that began with it; returns whether the caller's did.

        Args:
            identity_id: one of the user's.
            user: whose it is.
            session_id: the caller's.

        Raises:
            IdentityNotFoundError: the user has no such identity.
            LastIdentityError: the user has no other.
        """
        removed = self._queries.delete_identity(
            identity_id=identity_id, user_id=user.id, session_id=session_id
        )
        if not removed.is_theirs:
            raise IdentityNotFoundError
        if not removed.is_deleted:
            raise LastIdentityError
        log_event("identity_removed", user_id=str(user.id), identity_id=str(identity_id))
        return removed.ends_session

    def end_sessions(self, request: LogoutRequest) -> bool:
        """Ends the sessions that a provider has ended; returns whether the request is a new one."""
        if request.sid is not None:
            done = self._queries.update_sessions_of_sid_revoked(request)
        else:
            done = self._queries.update_sessions_of_subject_revoked(
                request, pending_lifetime=PENDING_LIFETIME
            )
        if done.is_new:
            log_event("signed_out_by_provider", provider=request.provider, count=done.sessions)
        return done.is_new
