import falcon

from app.models import User
from app.telemetry.logs import rfc3339
from app.web.authentication import Authentication
from app.web.media import user_media
from app.web.methods import HeadMixin

ANONYMOUS = {"authenticated": False, "registered": False, "user": None, "expires_at": None}


class SessionResource(HeadMixin):
    """`/auth/session`: who is calling. Visitors without a session cost no query."""

    def __init__(self, *, authentication: Authentication) -> None:
        self._authentication = authentication

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self._authentication.find_caller(req, resp)
        if caller is None:
            resp.media = ANONYMOUS
            return
        resp.media = {
            "authenticated": True,
            "registered": isinstance(caller.person, User),
            "user": user_media(caller.person),
            "expires_at": rfc3339(caller.expires_at) if caller.expires_at else None,
        }
