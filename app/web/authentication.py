"""Who is calling: by bearer token or by session cookie."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import falcon

from app.accounts.api_tokens import APITokens
from app.accounts.sessions import Sessions
from app.errors import (
    DatabaseUnavailableError,
    InvalidBearerError,
    NotRegisteredError,
    NotSignedInError,
)
from app.models import PendingIdentity, Session, User
from app.telemetry.metrics import Metrics
from app.web.bearer import bearer_token
from app.web.cookies import CookiePolicy


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody a request could be tied to.

    Attributes:
        person: a user, or somebody who may become one.
        expires_at: when the session or token ends; None for a token that does not.
        session_id: None for a bearer.
    """

    person: User | PendingIdentity
    expires_at: datetime | None
    session_id: UUID | None


class Authentication:
    """Finds the caller; clears a cookie that can never be a session's again."""

    def __init__(
        self, sessions: Sessions, tokens: APITokens, cookies: CookiePolicy, metrics: Metrics
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._cookies = cookies
        self._live, self._dead, self._malformed, self._unavailable = (
            metrics.session_checks.labels(result) for result in ("live", "dead", "malformed", "unavailable")
        )

    def find_caller(self, req: falcon.Request, resp: falcon.Response | None) -> Caller | None:
        """Who is calling; a bearer token counts, whatever cookie comes with it.

        Args:
            req: the request.
            resp: where a cookie is cleared that can never be a session's again; None leaves it alone.

        Raises:
            DatabaseUnavailableError: the credential is well-formed, and cannot be checked.
        """
        bearer = bearer_token(req)
        if bearer is not None:
            use = self._tokens.find(bearer)
            return Caller(use.user, use.expires_at, None) if use else None
        session = self.find_session(req, resp)
        person = session and (session.user or session.pending)
        return Caller(person, session.expires_at, session.id) if session and person else None

    def get_user(self, req: falcon.Request, resp: falcon.Response | None) -> tuple[Caller, User]:
        """The caller and their user, for whoever only reads.

        Raises:
            InvalidBearerError: the bearer token is no live one.
            NotSignedInError: there is no session.
            NotRegisteredError: the session has no user yet.
        """
        caller = self.find_caller(req, resp)
        if caller is None:
            raise NotSignedInError if bearer_token(req) is None else InvalidBearerError
        if not isinstance(caller.person, User):
            raise NotRegisteredError
        return caller, caller.person

    def find_session(self, req: falcon.Request, resp: falcon.Response | None) -> Session | None:
        """The session of the caller's cookie.

        Raises:
            DatabaseUnavailableError: there is a well-formed cookie, and it cannot be checked.
        """
        token = self._cookies.session_token(req)
        if token is None:
            # A dead token is left alone: by the time this answer arrives, the browser may hold a new one.
            if self._cookies.session_tokens(req):
                self._malformed.inc()
                if resp is not None and self._cookies.is_session_beyond_use(req):
                    self._cookies.clear_session(resp)
            return None
        try:
            session = self._sessions.find(token)
        except DatabaseUnavailableError:
            self._unavailable.inc()
            raise
        (self._live if session else self._dead).inc()
        return session

    def get_session(self, req: falcon.Request, resp: falcon.Response) -> Session:
        """The session of the caller's cookie.

        Raises:
            NotSignedInError: there is none.
        """
        if session := self.find_session(req, resp):
            return session
        raise NotSignedInError

    def get_user_session(self, req: falcon.Request, resp: falcon.Response) -> tuple[Session, User]:
        """The session of the caller's cookie and its user, for whoever changes something.

        Raises:
            NotSignedInError: there is no session.
            NotRegisteredError: the session has no user yet.
        """
        session = self.get_session(req, resp)
        if session.user is None:
            raise NotRegisteredError
        return session, session.user
