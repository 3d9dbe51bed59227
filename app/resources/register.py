import falcon

from app.accounts.lifetimes import LIFETIME
from app.accounts.registration import Registration
from app.errors import AlreadyRegisteredError, NotSignedInError
from app.web.authentication import Authentication
from app.web.cookies import CookiePolicy
from app.web.json_body import name_field, picture_field, read_object
from app.web.media import user_media

FIELDS = frozenset({"name", "picture"})


class RegisterResource:
    """`/auth/register`: makes the account of a signed-in person; their session gets a new token."""

    def __init__(
        self, *, authentication: Authentication, registration: Registration, cookies: CookiePolicy
    ) -> None:
        self._authentication = authentication
        self._registration = registration
        self._cookies = cookies

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            self._register(req, resp)
        except NotSignedInError:
            token = self._cookies.session_token(req)
            if token and self._registration.has_registered(token):
                raise AlreadyRegisteredError from None
            raise

    def _register(self, req: falcon.Request, resp: falcon.Response) -> None:
        session = self._authentication.get_session(req, resp)
        if session.pending is None:
            raise AlreadyRegisteredError
        body = read_object(req, FIELDS, may_be_empty=True)
        user, token = self._registration.register(
            session.id, session.pending, name=name_field(body), picture=picture_field(body)
        )
        self._cookies.set_session(resp, token, max_age=int(LIFETIME.total_seconds()))
        resp.status = 201
        resp.media = user_media(user)
