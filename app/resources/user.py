import falcon

from app.accounts.accounts import Accounts
from app.web.authentication import Authentication
from app.web.cookies import CookiePolicy
from app.web.json_body import name_field, picture_field, read_object
from app.web.media import user_media
from app.web.methods import HeadMixin

FIELDS = {"name": name_field, "picture": picture_field}


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
