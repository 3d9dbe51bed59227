"""Every path of this service, and the two of the frontend that it sends browsers to."""

ROOT = "/"
HEALTH = "/health"
READY = "/health/ready"
METRICS = "/metrics"
DESCRIPTION = "/openapi.json"
DOCS = "/docs"
DOCS_ASSET = "/docs/{version}/{asset}"
LOGIN = "/auth/login"
CALLBACK = "/auth/callback"
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

AUTH_PREFIX = "/auth/"

MONITORING = frozenset({ROOT, HEALTH, READY, METRICS})
"""Monitoring may read these with any Origin. Their answers then have no CORS headers."""
UNLIMITED = frozenset({HEALTH, READY})
"""No limit counts these."""

FRONTEND_LOGIN = "/auth/login"
FRONTEND_REGISTER = "/auth/register"
