"""Who is calling, by the session cookie."""

import falcon

from app.cookies import CookiePolicy
from app.errors import NotRegisteredError, NotSignedInError
from app.models import Session, User
from app.sessions import Sessions


class Authentication:
    """Finds the caller's session; clears a cookie that can never be one again."""

    def __init__(self, sessions: Sessions, cookies: CookiePolicy) -> None:
        self._sessions = sessions
        self._cookies = cookies

    def find_session(self, req: falcon.Request, resp: falcon.Response) -> Session | None:
        """The caller's live session.

        Raises:
            DatabaseUnavailableError: there is a well-formed cookie, and it cannot be checked.
        """
        token = self._cookies.session_token(req)
        if token is None:
            # A dead token is left alone: by the time this answer arrives, the browser may hold a new one.
            if self._cookies.has_session_cookie(req):
                self._cookies.clear_session(resp)
            return None
        return self._sessions.find(token)

    def get_session(self, req: falcon.Request, resp: falcon.Response) -> Session:
        """The caller's live session.

        Raises:
            NotSignedInError: there is none.
        """
        if session := self.find_session(req, resp):
            return session
        raise NotSignedInError

    def get_user_session(self, req: falcon.Request, resp: falcon.Response) -> tuple[Session, User]:
        """The caller's live session and its user.

        Raises:
            NotSignedInError: there is no session.
            NotRegisteredError: the session has no user yet.
        """
        session = self.get_session(req, resp)
        if session.user is None:
            raise NotRegisteredError
        return session, session.user
