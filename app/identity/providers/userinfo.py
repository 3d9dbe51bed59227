"""The userinfo endpoint (OpenID Connect Core 1.0, section 5.3)."""

from typing import Any

import jwt
import requests

from app.errors import SignInError
from app.identity.providers.discovery import ProviderMetadata
from app.identity.providers.id_token import LEEWAY, invalid_token
from app.identity.providers.provider_http import JSON, ProviderAnswerError, get, json_object
from app.identity.providers.token_endpoint import usable_token

SIGNED = "application/jwt"


def fetch_userinfo(
    metadata: ProviderMetadata, access_token: object, *, subject: str, issuer: str | list[str], client_id: str
) -> dict[str, Any]:
    """The claims about the person of an access token.

    Args:
        metadata: of a provider that has the endpoint.
        access_token: from the token endpoint.
        subject: the ID token's.
        issuer: of a signed answer.
        client_id: the audience of a signed answer.

    Raises:
        SignInError: provider_unavailable; invalid_token, as the answer is about somebody else.
    """
    bearer = usable_token(access_token)
    try:
        response = get(str(metadata.userinfo_endpoint), accept=f"{JSON}, {SIGNED}", bearer=bearer)
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type == SIGNED:
            claims = _verified(response, metadata, issuer, client_id)
        else:
            claims = json_object(response)
    except requests.RequestException as error:
        raise SignInError("provider_unavailable", f"userinfo: {error}") from error
    if claims.get("sub") != subject:
        raise SignInError("invalid_token", "userinfo is about another subject than the ID token")
    return claims


def _verified(
    response: requests.Response, metadata: ProviderMetadata, issuer: str | list[str], client_id: str
) -> dict[str, Any]:
    """The claims of a signed answer; where they name issuer and audience, those must be right."""
    try:
        token = response.content.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ProviderAnswerError("a signed answer is not ASCII") from error
    try:
        named = jwt.decode(token, options={"verify_signature": False})
        claims, _ = metadata.keys.decode(
            token,
            # Its algorithms are announced apart from those of ID tokens.
            announced=None,
            purpose="sign-in",
            leeway=LEEWAY,
            issuer=issuer if "iss" in named else None,
            audience=client_id if "aud" in named else None,
        )
    except jwt.PyJWTError as error:
        raise invalid_token(error) from error
    return claims
