"""A sign-in attempt. The browser keeps it in a signed cookie, so visitors write nothing to the database."""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from app.accounts.credentials import Keyring
from app.errors import SignInError

ATTEMPT_SECONDS = 600
"""How long a person may take at the provider."""
_SECOND = 1_000_000
"""Moments are in microseconds, so that of two attempts the older one is known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the callback needs: state (CSRF), nonce (replay), PKCE verifier (RFC 7636) and the way back.

    The three come from one seed, which keeps the cookie short. None of them tells it, or another.
    """

    seed: str
    return_to: str

    @classmethod
    def begin(cls, return_to: str) -> "Attempt":
        return cls(secrets.token_urlsafe(32), return_to)

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def code_verifier(self) -> str:
        return self._derived("code_verifier")

    def _derived(self, purpose: str) -> str:
        """256 bits in 43 characters, the fewest that a verifier may have."""
        return _encoded(hmac.digest(self.seed.encode(), purpose.encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that a cookie holds, and when it ends, in microseconds since 1970."""

    attempt: Attempt
    expires_at: int


class AttemptSigner:
    """Signs attempts with a key derived from SESSION_SECRET, and reads them again.

    A cookie is `EXPIRY.SEED.RETURN_TO.SIGNATURE`: HMAC-SHA256, and base64url where it is no number. A JWT
    would be half as long again.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keys = keyring.derived_keys("sign-in attempt, version 2")

    def sign(self, attempt: Attempt) -> str:
        expires_at = _now() + ATTEMPT_SECONDS * _SECOND
        text = f"{expires_at}.{attempt.seed}.{_encoded(attempt.return_to.encode())}"
        return f"{text}.{_signature(self._keys[0], text)}"

    def read(self, cookie: str) -> OpenAttempt:
        """The attempt in a cookie.

        Raises:
            SignInError: invalid_state, as the cookie is not ours, or too old.
        """
        text, _, signature = cookie.rpartition(".")
        if not any(_are_equal(_signature(key, text), signature) for key in self._keys):
            raise SignInError("invalid_state", "an attempt's cookie is not signed by this service")
        expiry, seed, return_to = text.split(".")
        if int(expiry) <= _now():
            raise SignInError("invalid_state", "an attempt has expired")
        return OpenAttempt(Attempt(seed, _decoded(return_to).decode()), int(expiry))


def _now() -> int:
    return time.time_ns() // 1000


def _signature(key: bytes, text: str) -> str:
    return _encoded(hmac.digest(key, text.encode(errors="surrogatepass"), hashlib.sha256))


def _are_equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="surrogatepass"))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
