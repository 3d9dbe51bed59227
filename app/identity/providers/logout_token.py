"""Logout token validation (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

import hashlib
import time
from datetime import timedelta
from typing import Any, TypeGuard

import jwt

from app.accounts.profile import is_subject
from app.errors import InvalidLogoutTokenError, ProviderUnavailableError, SignInError
from app.identity.providers.discovery import ProviderMetadata
from app.identity.providers.id_token import LEEWAY
from app.models import LogoutRequest

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = {None, "logout+jwt", "application/logout+jwt"}
MAX_AGE = 120
"""Seconds since a token was made, or until then by the provider's clock."""
MAX_NUMBER = 2**53
"""Up to here all parsers read the same number (RFC 8259, section 6)."""
MAX_MEMORY = 600
"""Seconds for which a token is known at most; an older one is refused by its age."""


def read_logout_token(
    token: str, metadata: ProviderMetadata, *, provider: str, issuer: str | list[str], client_id: str
) -> LogoutRequest:
    """Whom a logout token is about.

    Raises:
        InvalidLogoutTokenError: with the reason.
        ProviderUnavailableError: the provider's keys cannot be fetched.
    """
    try:
        claims, _ = metadata.keys.decode(
            token,
            announced=metadata.algorithms,
            purpose="logout",
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY,
            # Its age is checked below.
            options={"require": ["iss", "aud", "iat", "jti"], "verify_iat": False},
        )
        kind = jwt.get_unverified_header(token).get("typ")
    except jwt.PyJWTError as error:
        raise InvalidLogoutTokenError(f"{type(error).__name__}: {error}") from error
    except SignInError as error:
        raise ProviderUnavailableError(error.cause) from error
    _check(
        {
            "typ is not logout+jwt": kind is None or (isinstance(kind, str) and kind.lower() in TYPES),
            "events names no back-channel logout": _has_event(claims),
            "it has a nonce": "nonce" not in claims,
            f"iat is more than {MAX_AGE} seconds away": _is_recent(claims["iat"]),
            "jti is no text": _is_text(claims["jti"]),
            "sub is no subject": "sub" not in claims or _is_text(claims["sub"]),
            "sid is no text": "sid" not in claims or _is_text(claims["sid"]),
            "it has neither sub nor sid": "sub" in claims or "sid" in claims,
        }
    )
    sid = claims.get("sid")
    return LogoutRequest(
        provider=provider,
        issuer=claims["iss"],
        subject=claims.get("sub"),
        sid=sid,
        token_id=hashlib.sha256(f"{claims['iss']}\0{claims['jti']}".encode(errors="surrogatepass")).digest(),
        period=timedelta(seconds=_memory(claims)),
    )


def _check(rules: dict[str, bool]) -> None:
    """Raises InvalidLogoutTokenError with the first fault whose rule does not hold."""
    for fault, holds in rules.items():
        if not holds:
            raise InvalidLogoutTokenError(fault)


def _has_event(claims: dict[str, Any]) -> bool:
    events = claims.get("events")
    return isinstance(events, dict) and isinstance(events.get(EVENT), dict)


def _is_recent(issued_at: object) -> bool:
    return _is_number(issued_at) and abs(time.time() - issued_at) <= MAX_AGE


def _is_text(claim: object) -> bool:
    """Whether this is text as long as a subject may be, which nobody needs to shorten."""
    return isinstance(claim, str) and is_subject(claim)


def _memory(claims: dict[str, Any]) -> int:
    """Seconds for which the token could be accepted again."""
    rest = claims["iat"] + MAX_AGE - time.time()
    if _is_number(claims.get("exp")):
        rest = max(rest, claims["exp"] + LEEWAY - time.time())
    return int(min(max(rest, 1), MAX_MEMORY))


def _is_number(claim: object) -> TypeGuard[int | float]:
    return isinstance(claim, int | float) and not isinstance(claim, bool) and abs(claim) < MAX_NUMBER
