"""What all Python peers share: the cookie, the SQL, the headers. Imports only the standard library."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

COOKIE = "__Host-session"
ORIGIN = os.environ.get("WEBAPP_URL", "")
EXPOSED_HEADERS = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"]
IDENTITY_HEADERS = ("X-Auth-User-Id", "X-Auth-Email", "X-Auth-Name")
RATE_LIMIT = os.environ.get("RATE_LIMIT", "")
"""Such as 10/hour. The `limits` package of the peers reads it as this service does."""
POOL_SIZE = 8

CSP = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'"}
HSTS_SECONDS = 63072000
PERMISSIONS_POLICY = dict.fromkeys(("camera", "geolocation", "microphone", "payment", "usb"), "()")
ISOLATION_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SECURITY_HEADERS = {
    **ISOLATION_HEADERS,
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in CSP.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{name}={value}" for name, value in PERMISSIONS_POLICY.items()),
    "Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains",
}

_SHARED = (Path(__file__).parent.parent.parent / "sql" / "queries" / "find_session.sql").read_text("utf-8")
SQL = _SHARED.replace("ANY(%(token_hashes)s::bytea[])", "%(token_hash)s")
"""This service's statement, for one session, as psycopg takes it: the peers share no statements."""
_SECRET = os.environ.get("SESSION_SECRET", "").encode()


def numbered_sql() -> str:
    """The statement as asyncpg takes it, with a number and a type."""
    return SQL.replace("%(token_hash)s", "$1::bytea")


def session_parameters(token: str) -> dict[str, object]:
    """The statement's parameter, by name."""
    return {"token_hash": token_hash(token)}


def token_hash(token: str) -> bytes:
    return hmac.digest(_SECRET, token.encode(), hashlib.sha256)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def identity_headers(row: Mapping[str, object]) -> dict[str, str]:
    values = (str(row["user_id"]), str(row["email"]), str(row["name"] or ""))
    return dict(zip(IDENTITY_HEADERS, values, strict=True))
