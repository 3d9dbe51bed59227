import falcon

from app.accounts.sessions import Sessions
from app.web.cookies import CookiePolicy


class LogoutResource:
    """`/auth/logout`: ends the session and clears its cookie."""

    def __init__(self, *, sessions: Sessions, cookies: CookiePolicy) -> None:
        self._sessions = sessions
        self._cookies = cookies

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        if tokens := self._cookies.session_tokens(req):
            # All of them, as another host may have added one to the real one.
            self._sessions.end(*tokens)
            self._cookies.clear_session(resp)
        resp.status = 204
