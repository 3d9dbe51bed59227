"""ID token validation (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
from typing import Any

import jwt

from app.accounts.profile import is_subject
from app.errors import SignInError
from app.identity.provider import Provider

ALGORITHMS = ["RS256", "ES256"]
LEEWAY = 30
"""Seconds that clocks may differ."""
GOOGLE = "https://accounts.google.com"


def verified_claims(id_token: str, provider: Provider, *, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token, after every check.

    Raises:
        SignInError: invalid_token, or provider_unavailable.
    """
    issuer = provider.metadata().issuer
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            provider.signing_key(id_token),
            algorithms=ALGORITHMS,
            audience=client_id,
            # Only Google may leave the scheme out of its issuer.
            issuer=[issuer, issuer.removeprefix("https://")] if issuer == GOOGLE else issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise SignInError("provider_unavailable", str(error)) from error
    except jwt.PyJWTError as error:
        raise SignInError("invalid_token", f"{type(error).__name__}: {error}") from error
    _check_nonce(claims, nonce)
    _check_authorized_party(claims, client_id)
    _check_subject(claims)
    return claims


def _check_nonce(claims: dict[str, Any], nonce: str) -> None:
    claimed = str(claims.get("nonce")).encode(errors="surrogatepass")
    if not hmac.compare_digest(claimed, nonce.encode()):
        raise SignInError("invalid_token", "the nonce is not the one sent")


def _check_authorized_party(claims: dict[str, Any], client_id: str) -> None:
    has_several_audiences = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if ("azp" in claims or has_several_audiences) and claims.get("azp") != client_id:
        raise SignInError("invalid_token", "azp, the authorized party, is not this client")


def _check_subject(claims: dict[str, Any]) -> None:
    if not is_subject(claims["sub"]):
        raise SignInError("invalid_token", "the subject is empty, too long or not printable")
