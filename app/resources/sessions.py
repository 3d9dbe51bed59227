import falcon

from app.authentication import Authentication
from app.logs import rfc3339
from app.resources.resource import HeadMixin
from app.sessions import Sessions


class SessionsResource(HeadMixin):
    """`/auth/sessions`: where the caller is signed in."""

    def __init__(self, authentication: Authentication, sessions: Sessions) -> None:
        self._authentication = authentication
        self._sessions = sessions

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        current, user = self._authentication.get_user_session(req, resp)
        resp.media = {
            "sessions": [
                {
                    "id": str(session.id),
                    "current": session.id == current.id,
                    "created_at": rfc3339(session.created_at),
                    "last_seen_at": rfc3339(session.last_seen_at),
                    "expires_at": rfc3339(session.expires_at),
                    "ip": session.ip,
                    "user_agent": session.user_agent,
                }
                for session in self._sessions.list_of(user)
            ]
        }
