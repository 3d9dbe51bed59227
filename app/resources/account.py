import falcon

from app.accounts.accounts import Accounts
from app.accounts.credentials import LIFETIME
from app.accounts.registration import Registration
from app.errors import AlreadyRegisteredError, NotSignedInError
from app.web.authentication import Authentication
from app.web.cookies import CookiePolicy
from app.web.json_body import name_field, picture_field, read_object
from app.web.media import user_media
from app.web.paths import HeadMixin

FIELDS = {"name": name_field, "picture": picture_field}


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
        body = read_object(req, frozenset(FIELDS), may_be_empty=True)
        user, token = self._registration.register(
            session.id, session.pending, name=name_field(body), picture=picture_field(body)
        )
        self._cookies.set_session(resp, token, max_age=int(LIFETIME.total_seconds()))
        resp.status = 201
        resp.media = user_media(user)


class UserResource(HeadMixin):
    """`/auth/user`: the caller's own account."""

    def __init__(self, *, authentication: Authentication, accounts: Accounts, cookies: CookiePolicy) -> None:
        self._authentication = authentication
        self._accounts = accounts
        self._cookies = cookies

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, user = self._authentication.get_user(req, resp)
        resp.media = user_media(user)

    def on_patch(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Changes the given fields as a merge patch (RFC 7396): null empties a field, an absent one stays."""
        _, user = self._authentication.get_user_session(req, resp)
        body = read_object(req, frozenset(FIELDS), may_be_empty=True)
        changes = {name: FIELDS[name](body) for name in body}
        resp.media = user_media(self._accounts.update(user, changes))

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, user = self._authentication.get_user_session(req, resp)
        self._accounts.delete(user)
        self._cookies.clear_session(resp)
        resp.status = 204
