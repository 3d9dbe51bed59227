"""A sign-in attempt. The browser keeps it in a signed cookie, so visitors write nothing to the database."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from oauthlib.oauth2 import WebApplicationClient

from app.accounts.credentials import Keyring
from app.errors import SignInError

ATTEMPT_PREFIX = "sign-in-"
"""The beginning of the cookies' names."""
ATTEMPT_SECONDS = 600
"""How long a person may take at the provider."""
MAX_OPEN_ATTEMPTS = 4
"""One more displaces the oldest."""
MAX_OPEN_LENGTH = 6000
"""Characters of all attempts' cookies; many servers refuse a header of more than 8,000."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the callback needs: state (CSRF), nonce (replay), PKCE verifier (RFC 7636) and the way back."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str

    @classmethod
    def begin(cls, return_to: str) -> "Attempt":
        verifier = WebApplicationClient("").create_code_verifier(64)
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), verifier, return_to)

    @property
    def id(self) -> str:
        """Part of the name of the attempt's cookie. It does not reveal the state."""
        return attempt_id(self.state)


def attempt_id(state: str) -> str:
    """The id of the attempt with this state: 16 hexadecimal digits."""
    return hashlib.sha256(state.encode()).hexdigest()[:16]


class AttemptSigner:
    """Signs attempts with a key derived from SESSION_SECRET, and reads them again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = keyring.derived_keys("sign-in attempt")

    def sign(self, attempt: Attempt) -> str:
        claims = {
            "state": attempt.state,
            "nonce": attempt.nonce,
            "verifier": attempt.code_verifier,
            "return_to": attempt.return_to,
            "exp": int(time.time()) + ATTEMPT_SECONDS,
        }
        return jwt.encode(claims, self._keys[0], algorithm="HS256")

    def read(self, cookie: str, state: str) -> Attempt:
        """The attempt in a cookie.

        Raises:
            SignInError: invalid_state, as the cookie is not ours, too old, or has another state.
        """
        claims = self._verified(cookie)
        if not hmac.compare_digest(str(claims.get("state")).encode(), state.encode()):
            raise SignInError("invalid_state", "the state is not this browser's")
        return Attempt(claims["state"], claims["nonce"], claims["verifier"], claims["return_to"])

    def expiry(self, cookie: str) -> int:
        """When the attempt in a cookie ends, in seconds since 1970; 0 where the cookie is not ours."""
        try:
            return int(self._verified(cookie)["exp"])
        except SignInError:
            return 0

    def _verified(self, cookie: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(cookie, key, algorithms=["HS256"], options={"require": ["exp"]})
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                cause = f"the attempt's cookie is not usable: {type(error).__name__}: {error}"
                raise SignInError("invalid_state", cause) from error
        raise SignInError("invalid_state", "the attempt's cookie is not signed by this service")
