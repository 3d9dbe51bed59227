"""ID token validation (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from app.accounts.profile import is_subject
from app.errors import SignInError
from app.identity.providers.discovery import ProviderMetadata

LEEWAY = 30
"""Seconds that clocks may differ."""


def usable_id_token(token: object) -> str:
    """The ID token of a token endpoint's answer.

    Raises:
        SignInError: invalid_token.
    """
    if not isinstance(token, str) or not token.isascii():
        raise SignInError("invalid_token", "the provider sent no ID token")
    return token


def verified_claims(
    id_token: str, metadata: ProviderMetadata, *, issuer: str | list[str], client_id: str, nonce: str
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The claims of an ID token, after every check, and the key that signed it.

    Raises:
        SignInError: invalid_token, or provider_unavailable.
    """
    try:
        claims, key = metadata.keys.decode(
            id_token,
            announced=metadata.algorithms,
            purpose="sign-in",
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise invalid_token(error) from error
    _check_nonce(claims, nonce)
    _check_authorized_party(claims, client_id)
    _check_subject(claims)
    return claims, key


def invalid_token(error: Exception) -> SignInError:
    return SignInError("invalid_token", f"{type(error).__name__}: {error}")


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
