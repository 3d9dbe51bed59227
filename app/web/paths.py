"""Every path of this service, the two of the frontend that it sends browsers to, and HTTP methods."""

from typing import Any, Protocol

import falcon

ROOT = "/"
HEALTH = "/health"
READY = "/health/ready"
METRICS = "/metrics"
DESCRIPTION = "/openapi.json"
DOCS = "/docs"
DOCS_ASSET = "/docs/{version}/{asset}"
LOGIN = "/auth/login"
PROVIDERS = "/auth/providers"
NAMELESS_CALLBACK = "/auth/callback"
CALLBACK = "/auth/callback/{provider}"
IDENTITIES = "/auth/identities"
OWN_IDENTITY = "/auth/identities/{identity_id}"
BACKCHANNEL_LOGOUT = "/auth/backchannel-logout/{provider}"
SESSION = "/auth/session"
REGISTER = "/auth/register"
LOGOUT = "/auth/logout"
SESSIONS = "/auth/sessions"
OWN_SESSION = "/auth/sessions/{session_id}"
REVOKE_OTHERS = "/auth/sessions/revoke-others"
USER = "/auth/user"
TOKENS = "/auth/tokens"
TOKEN = "/auth/tokens/{token_id}"  # noqa: S105  # a path
VERIFY = "/auth/verify"
ACCESS_TOKEN = "/auth/token"  # noqa: S105  # a path
KEY_SET = "/.well-known/jwks.json"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"

AUTH_PREFIX = "/auth/"

MONITORING = frozenset({ROOT, HEALTH, READY, METRICS})
"""Monitoring may read these with any Origin. Their answers then have no CORS headers."""
UNLIMITED = frozenset({HEALTH, READY})
"""No limit counts these."""

FRONTEND_LOGIN = "/auth/login"
FRONTEND_REGISTER = "/auth/register"


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing here (RFC 9110, section 9.2.1). TRACE, the fourth one, is not answered."""


class _AnswersGet(Protocol):
    def on_get(self, req: falcon.Request, resp: falcon.Response, **params: Any) -> None: ...  # noqa: ANN401


class HeadMixin:
    """Answers HEAD as GET. Falcon leaves the body out (RFC 9110, section 9.3.2)."""

    def on_head(self: _AnswersGet, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:  # noqa: ANN401
        self.on_get(req, resp, **params)
