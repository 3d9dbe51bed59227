"""Finds out who is calling, by API token or session cookie."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import falcon

from app.accounts.api_tokens import APITokens
from app.accounts.credentials import API_TOKEN_PREFIX
from app.accounts.sessions import Sessions
from app.errors import (
    DatabaseUnavailableError,
    InvalidBearerError,
    NotRegisteredError,
    NotSignedInError,
)
from app.models import PendingIdentity, Session, User
from app.telemetry.metrics import Metrics
from app.web.cookies import CookiePolicy


def api_token(environ: Mapping[str, Any]) -> str | None:
    """The API token in Authorization, well-formed or not; None where there is something else.

    Any other Authorization is for the application behind a proxy, and says nothing here.
    """
    token = bearer_token(environ)
    return token if token and token.startswith(API_TOKEN_PREFIX) else None


def bearer_token(environ: Mapping[str, Any]) -> str | None:
    """The token in Authorization (RFC 6750, section 2.1); None where there is no Bearer header."""
    header = environ.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    scheme, _, token = str(header).strip(" \t").partition(" ")
    return token.strip(" \t") if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Caller:
    """The person that a session or token stands for.

    Attributes:
        person: a user, or somebody who has not registered yet.
        expires_at: when the session or token ends; None for a token without an end.
        session_id: None where an API token was used.
        token_id: the API token's; None where there is a session.
    """

    person: User | PendingIdentity
    expires_at: datetime | None
    session_id: UUID | None
    token_id: UUID | None


class Authentication:
    """Finds the caller of a request, and clears session cookies that can never be valid."""

    def __init__(
        self, *, sessions: Sessions, tokens: APITokens, cookies: CookiePolicy, metrics: Metrics
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._cookies = cookies
        self._live, self._dead, self._malformed, self._unavailable = (
            metrics.session_checks.labels(result) for result in ("live", "dead", "malformed", "unavailable")
        )

    def find_caller(self, req: falcon.Request, resp: falcon.Response | None) -> Caller | None:
        """The caller, or None. An API token wins over a cookie.

        Args:
            req: the request.
            resp: clears a cookie that can never be valid; None leaves the cookie alone.

        Raises:
            DatabaseUnavailableError: the credential is well-formed, but cannot be checked.
        """
        token = api_token(req.env)
        if token is not None:
            use = self._tokens.find(token)
            return Caller(use.user, use.expires_at, None, use.id) if use else None
        session = self.find_session(req, resp)
        person = session and (session.user or session.pending)
        return Caller(person, session.expires_at, session.id, None) if session and person else None

    def get_user(self, req: falcon.Request, resp: falcon.Response | None) -> tuple[Caller, User]:
        """The caller and their user, for requests that only read.

        Raises:
            InvalidBearerError: the API token is not valid.
            NotSignedInError: there is no session.
            NotRegisteredError: the session has no user yet.
        """
        caller = self.find_caller(req, resp)
        if caller is None:
            raise NotSignedInError if api_token(req.env) is None else InvalidBearerError
        if not isinstance(caller.person, User):
            raise NotRegisteredError
        return caller, caller.person

    def find_session(self, req: falcon.Request, resp: falcon.Response | None) -> Session | None:
        """The session of the caller's cookie, or None.

        Raises:
            DatabaseUnavailableError: the cookie is well-formed, but cannot be checked.
        """
        if "HTTP_COOKIE" not in req.env:
            return None
        token = self._cookies.session_token(req)
        if token is None:
            # Only a malformed cookie is cleared. In place of an ended session's token, the browser may hold
            # a new one by the time this answer arrives.
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
        """The session of the caller's cookie and its user, for requests that change something.

        Raises:
            NotSignedInError: there is no session.
            NotRegisteredError: the session has no user yet.
        """
        session = self.get_session(req, resp)
        if session.user is None:
            raise NotRegisteredError
        return session, session.user
