import falcon

from app.cookies import CookiePolicy
from app.errors import NotSignedInError
from app.resources.json_body import name_field, picture_field, read_object
from app.resources.session import user_media
from app.sessions import LIFETIME, Sessions

FIELDS = frozenset({"name", "picture"})


class RegisterResource:
    """`/auth/register`: somebody signed in becomes a user; the session goes on with a new token."""

    def __init__(self, sessions: Sessions, cookies: CookiePolicy) -> None:
        self._sessions = sessions
        self._cookies = cookies

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        token = self._cookies.session_token(req)
        if token is None:
            raise NotSignedInError
        body = read_object(req, FIELDS)
        user, token = self._sessions.register(token, name=name_field(body), picture=picture_field(body))
        self._cookies.set_session(resp, token, max_age=int(LIFETIME.total_seconds()))
        resp.status = 201
        resp.media = user_media(user)
