import falcon

from app.accounts.sessions import Sessions
from app.web.cookies import CookiePolicy


class LogoutResource:
    """`/auth/logout`: ends the session on the server and takes the cookie back."""

    def __init__(self, sessions: Sessions, cookies: CookiePolicy) -> None:
        self._sessions = sessions
        self._cookies = cookies

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        if tokens := self._cookies.session_tokens(req):
            # All of them, should another host have planted one beside the real one.
            self._sessions.end(*tokens)
            self._cookies.clear_session(resp)
        resp.status = 204
