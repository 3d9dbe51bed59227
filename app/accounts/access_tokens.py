"""Access tokens: JWTs by which other services know who is calling, without asking this one (RFC 9068)."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import jwt

from app.accounts.signing_keys import SigningKey
from app.errors import AudienceNotAllowedError
from app.models import User

ALGORITHM = "ES256"
TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token, and for how many seconds it is valid."""

    text: str
    lifetime: int


class AccessTokens:
    """Signs tokens.

    Args:
        issuer: API_URL.
        keys: the first one signs; all are published.
        audiences: TOKEN_AUDIENCES; the first is the usual one.
        lifetime: TOKEN_LIFETIME, in seconds.
    """

    def __init__(
        self, *, issuer: str, keys: Sequence[SigningKey], audiences: Sequence[str], lifetime: int
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._audiences = audiences
        self._lifetime = lifetime

    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """The public keys (RFC 7517, section 5)."""
        return {"keys": [key.public for key in self._keys]}

    def issue(
        self, user: User, *, client_id: str, session_id: UUID | None, audience: str | None
    ) -> AccessToken:
        """A token for a user.

        Args:
            user: whom it is about.
            client_id: what asked for it.
            session_id: of the session that asked for it.
            audience: the service that it is for; None for the usual one.

        Raises:
            AudienceNotAllowedError: the audience is not one of TOKEN_AUDIENCES.
        """
        if audience is not None and audience not in self._audiences:
            raise AudienceNotAllowedError
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": str(user.id),
            "client_id": client_id,
            "aud": audience or self._audiences[0],
            "iat": now,
            "exp": now + self._lifetime,
            "jti": secrets.token_urlsafe(16),
            "sid": str(session_id) if session_id else None,
            "email": user.email,
            "name": user.name,
            "groups": user.groups,
        }
        key = self._keys[0]
        text = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key.private,
            ALGORITHM,
            headers={"typ": TYPE, "kid": key.id},
        )
        return AccessToken(text, self._lifetime)
