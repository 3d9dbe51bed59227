from uuid import UUID

import falcon

from app.accounts.sessions import Sessions
from app.errors import SessionNotFoundError
from app.models import User
from app.telemetry.logs import rfc3339
from app.web.authentication import Authentication
from app.web.cookies import CookiePolicy
from app.web.media import user_media
from app.web.paths import HeadMixin

ANONYMOUS = b'{"authenticated":false,"registered":false,"user":null,"expires_at":null}'


class SessionResource(HeadMixin):
    """`/auth/session`: who is calling. Visitors without a session cost no query."""

    def __init__(self, *, authentication: Authentication) -> None:
        self._authentication = authentication

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self._authentication.find_caller(req, resp)
        if caller is None:
            resp.data = ANONYMOUS
            return
        resp.media = {
            "authenticated": True,
            "registered": isinstance(caller.person, User),
            "user": user_media(caller.person),
            "expires_at": rfc3339(caller.expires_at) if caller.expires_at else None,
        }


class SessionsResource(HeadMixin):
    """`/auth/sessions`: where the caller is signed in."""

    def __init__(self, *, authentication: Authentication, sessions: Sessions) -> None:
        self._authentication = authentication
        self._sessions = sessions

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller, user = self._authentication.get_user(req, resp)
        resp.media = {
            "sessions": [
                {
                    "id": str(session.id),
                    "current": session.id == caller.session_id,
                    "created_at": rfc3339(session.created_at),
                    "last_seen_at": rfc3339(session.last_seen_at),
                    "expires_at": rfc3339(session.expires_at),
                    "ip": session.ip,
                    "user_agent": session.user_agent,
                }
                for session in self._sessions.list_of(user)
            ]
        }


class OwnSessionResource:
    """`/auth/sessions/{session_id}`: one of the caller's sessions."""

    def __init__(self, *, authentication: Authentication, sessions: Sessions, cookies: CookiePolicy) -> None:
        self._authentication = authentication
        self._sessions = sessions
        self._cookies = cookies

    def on_delete(self, req: falcon.Request, resp: falcon.Response, session_id: str) -> None:
        current, user = self._authentication.get_user_session(req, resp)
        try:
            revoked = UUID(session_id)
        except ValueError as error:
            raise SessionNotFoundError from error
        self._sessions.revoke(revoked, user)
        if revoked == current.id:
            self._cookies.clear_session(resp)
        resp.status = 204


class RevokeOthersResource:
    """`/auth/sessions/revoke-others`: signs the caller out everywhere else."""

    def __init__(self, *, authentication: Authentication, sessions: Sessions) -> None:
        self._authentication = authentication
        self._sessions = sessions

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        current, user = self._authentication.get_user_session(req, resp)
        resp.media = {"revoked": self._sessions.revoke_others(current, user)}
