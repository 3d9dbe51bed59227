"""Logout tokens, and the way a provider sends them."""

import json
import secrets
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
from falcon.testing import Result

from tests.support.provider import CLIENT_ID, OpenIDProvider, SigningKey
from tests.support.visitor import Visitor

EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Claims = dict[str, Any]


def claims_of(provider: OpenIDProvider, **changes: object) -> Claims:
    """Of an honest token but for the changes; a timedelta is counted from now, None takes a claim out."""
    now = int(time.time())
    claims: Claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_hex(16),
        "events": {EVENT: {}},
        "sub": "ada",
        **changes,
    }
    return {name: _moment(value, now) for name, value in claims.items() if value is not None}


def _moment(value: object, now: int) -> object:
    if not isinstance(value, timedelta):
        return value
    seconds = value.total_seconds()
    return now + (int(seconds) if seconds.is_integer() else seconds)


def logout_token(provider: OpenIDProvider, *, typ: str | None = "logout+jwt", **changes: object) -> str:
    return signed(provider.keys["first"], claims_of(provider, **changes), typ=typ)


def signed(key: SigningKey, claims: Claims, **headers: object) -> str:
    """A token of any claims; `jwt.encode` would refuse some lies."""
    headers = {"kid": "first", "typ": "logout+jwt", **headers}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm="RS256", headers=headers)


def post(app: Any, token: object, *, provider: str = "oidc") -> Result:
    """As the provider's server sends it: without a cookie or an Origin."""
    return Visitor(app).post(
        f"/auth/backchannel-logout/{provider}", headers=FORM, body=urlencode({"logout_token": token})
    )
