import falcon

from app.authentication import Authentication
from app.logs import rfc3339
from app.resources.media import user_media
from app.resources.resource import HeadMixin

ANONYMOUS = {"authenticated": False, "registered": False, "user": None, "expires_at": None}


class SessionResource(HeadMixin):
    """`/auth/session`: who is calling. Answers visitors without asking the database."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        session = self._authentication.find_session(req, resp)
        if session is None:
            resp.media = ANONYMOUS
            return
        person = session.user or session.pending
        resp.media = {
            "authenticated": True,
            "registered": session.user is not None,
            "user": user_media(person) if person else None,
            "expires_at": rfc3339(session.expires_at),
        }
