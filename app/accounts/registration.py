"""Decides who gets an account, by REGISTRATION."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from app.accounts.admission import Admission
from app.accounts.credentials import IDLE_LIMIT, LIFETIME, PENDING_LIFETIME, Keyring, new_token, state_hash
from app.accounts.groups import claimed_groups
from app.accounts.sessions import Sessions, StartedSession
from app.database.identity_queries import IdentityQueries
from app.database.queries import Queries
from app.errors import (
    AccountGoneError,
    AlreadyRegisteredError,
    EmailTakenError,
    NotSignedInError,
    RegistrationClosedError,
    SignInError,
)
from app.models import Account, Client, PendingIdentity, Profile, SessionOrigin, User
from app.telemetry.security_events import log_event


@dataclass(frozen=True, slots=True)
class SignIn:
    """A finished sign-in.

    Attributes:
        token: the new session's, for the cookie.
        lifetime: the cookie's.
        is_pending: whether the person has yet to register.
    """

    token: str
    lifetime: timedelta
    is_pending: bool


class Registration:
    """Lets people in whom a provider has identified, and makes their accounts.

    Args:
        queries: the service's.
        identities: those about identities.
        admission: asked at every sign-in.
        sessions: starts them.
        keyring: hashes the new token at a registration.
        mode: REGISTRATION.
    """

    def __init__(
        self,
        *,
        queries: Queries,
        identities: IdentityQueries,
        admission: Admission,
        sessions: Sessions,
        keyring: Keyring,
        mode: Literal["confirm", "automatic", "closed"],
    ) -> None:
        self._queries = queries
        self._identities = identities
        self._admission = admission
        self._sessions = sessions
        self._keyring = keyring
        self._mode = mode

    def sign_in(self, profile: Profile, *, state: str, previous_token: str | None, client: Client) -> SignIn:
        """Starts a session for an identity; the browser's previous session ends.

        Args:
            profile: what the provider said.
            state: the sign-in's, which the session remembers.
            previous_token: of the browser's session so far.
            client: for the list of sessions.

        Raises:
            SignInError: domain_not_allowed, account_disabled, registration_closed or email_taken;
                oauth_failed where the account, the identity or the session was deleted meanwhile.
        """
        self._admission.check(profile)
        origin = SessionOrigin(
            provider=profile.provider,
            state_hash=state_hash(state, provider=profile.provider),
            sid=profile.sid,
            groups=claimed_groups(profile),
            client=client,
        )
        start = partial(self._sessions.start, origin=origin)
        try:
            return self._sign_in(profile, origin.groups, previous_token, start)
        except (AccountGoneError, NotSignedInError) as error:
            raise SignInError("oauth_failed", "the account or its session was deleted meanwhile") from error

    def register(
        self,
        session_id: UUID,
        identity: PendingIdentity,
        *,
        name: str | None,
        picture: str | None,
        by_invitation: bool = False,
    ) -> tuple[User, str]:
        """Makes the account of a pending session; returns the user and the session's new token.

        Args:
            session_id: the pending session's.
            identity: that it holds.
            name: what the person calls themselves; None for what the provider says.
            picture: the same of the picture.
            by_invitation: makes it also with REGISTRATION=closed, but only of somebody still invited.

        Raises:
            RegistrationClosedError: REGISTRATION=closed.
            AlreadyRegisteredError: the identity has an account.
            EmailTakenError: another identity's account has the e-mail address.
            NotSignedInError: the session or the invitation has ended.
        """
        try:
            user, token = self._insert_user(
                session_id, identity, name=name, picture=picture, by_invitation=by_invitation
            )
        except (AlreadyRegisteredError, EmailTakenError, RegistrationClosedError) as error:
            log_event("registration_failed", session_id=str(session_id), error=type(error).__name__)
            raise
        log_event("user_registered", user_id=str(user.id))
        return user, token

    def has_registered(self, token: str) -> bool:
        """Whether this was the token of a pending session that became an account within the hour.

        Of two registrations at once, one uses the session up. The other's person has an account all the same.
        """
        hashes = self._keyring.token_hashes(token)
        return bool(self._queries.find_registered_session(token_hashes=hashes, period=PENDING_LIFETIME))

    def _sign_in(
        self,
        profile: Profile,
        groups: list[str],
        previous_token: str | None,
        start: Callable[..., StartedSession],
    ) -> SignIn:
        account = self._use(profile.identity, groups)
        if account:
            started = start(account, previous_token=previous_token)
            return SignIn(started.token, LIFETIME, is_pending=False)
        if self._mode == "closed" and not self._admission.has_invitation(profile):
            raise SignInError("registration_closed", "REGISTRATION=closed, and the person has no account")
        pending = start(profile.identity, previous_token=previous_token)
        if self._mode == "confirm":
            return SignIn(pending.token, PENDING_LIFETIME, is_pending=True)
        return SignIn(
            self._register_at_once(pending, profile.identity, groups, start), LIFETIME, is_pending=False
        )

    def _use(self, identity: PendingIdentity, groups: list[str]) -> Account | None:
        """The account of an identity; its e-mail address follows the identity's."""
        account = self._identities.update_identity_used(identity, groups)
        if account is None:
            return None
        if account.is_disabled:
            raise SignInError("account_disabled", f"user {account.user_id} is disabled")
        shown = {"user_id": str(account.user_id), "identity_id": str(account.identity_id)}
        if account.has_new_email:
            log_event("email_changed", **shown)
        if account.has_email_conflict:
            log_event("email_conflict", **shown)
        return account

    def _register_at_once(
        self,
        pending: StartedSession,
        identity: PendingIdentity,
        groups: list[str],
        start: Callable[..., StartedSession],
    ) -> str:
        """Makes the account, as REGISTRATION=automatic or an invitation says; returns its session's token."""
        try:
            by_invitation = self._mode == "closed"
            return self.register(pending.id, identity, name=None, picture=None, by_invitation=by_invitation)[
                1
            ]
        except AlreadyRegisteredError:
            # Another tab has registered the person since `find_account`.
            account = self._use(identity, groups)
            if account is None:
                raise AccountGoneError from None
            return start(account, previous_token=pending.token).token
        except EmailTakenError as error:
            self._sessions.end(pending.token)
            raise SignInError("email_taken", "another identity holds the e-mail address") from error

    def _insert_user(
        self,
        session_id: UUID,
        identity: PendingIdentity,
        *,
        name: str | None,
        picture: str | None,
        by_invitation: bool,
    ) -> tuple[User, str]:
        if self._mode == "closed" and not by_invitation:
            raise RegistrationClosedError
        token = new_token()
        try:
            user = self._queries.insert_user(
                pending_session_id=session_id,
                needs_invitation=by_invitation,
                token_hash=self._keyring.token_hash(token),
                name=name,
                picture=picture,
                lifetime=LIFETIME,
                idle_limit=IDLE_LIMIT,
            )
        except EmailTakenError:
            # Where two tabs register one person at once, the second one's e-mail collides first.
            if self._identities.find_account(issuer=identity.issuer, subject=identity.subject):
                raise AlreadyRegisteredError from None
            raise
        if user is None:
            raise NotSignedInError
        return user, token
