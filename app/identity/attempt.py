"""A sign-in attempt. The browser keeps it in a signed cookie, so visitors write nothing to the database."""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from app.accounts.credentials import Keyring
from app.errors import SignInError

ATTEMPT_SECONDS = 600
"""How long a person may take at the provider."""
MARK_BYTES = 9
_SECOND = 1_000_000
"""Moments are in microseconds, so that of two attempts the older one is known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the callback needs: state (CSRF), nonce (replay), PKCE verifier (RFC 7636) and the way back.

    The three come from one seed, which keeps the cookie short. None of them tells it, or another.

    Attributes:
        seed: 256 random bits.
        provider: the name of the one that is asked.
        return_to: the way back.
        linking: the id of the session whose person gets one more identity; None where somebody signs in.
        client: the mark of the client that began it.
    """

    seed: str
    provider: str
    return_to: str
    linking: UUID | None = None
    client: str = ""

    @classmethod
    def begin(
        cls, provider: str, return_to: str, *, linking: UUID | None = None, client: str = ""
    ) -> "Attempt":
        return cls(secrets.token_urlsafe(32), provider, return_to, linking, client)

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

    A cookie is `EXPIRY.SEED.PROVIDER.LINKING.CLIENT.RETURN_TO.SIGNATURE`: HMAC-SHA256, and base64url where it
    is neither number nor name. A JWT would be half as long again.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keys = keyring.derived_keys("sign-in attempt, version 3")

    def sign(self, attempt: Attempt) -> str:
        expires_at = _now() + ATTEMPT_SECONDS * _SECOND
        linking = _encoded(attempt.linking.bytes) if attempt.linking else ""
        fields = (
            attempt.seed,
            attempt.provider,
            linking,
            attempt.client,
            _encoded(attempt.return_to.encode()),
        )
        text = f"{expires_at}.{'.'.join(fields)}"
        return f"{text}.{_signature(self._keys[0], text)}"

    def read(self, cookie: str) -> OpenAttempt:
        """The attempt in a cookie.

        Raises:
            SignInError: invalid_state, as the cookie is not ours, or too old.
        """
        text, _, signature = cookie.rpartition(".")
        if not any(_are_equal(_signature(key, text), signature) for key in self._keys):
            raise SignInError("invalid_state", "an attempt's cookie is not signed by this service")
        expiry, seed, provider, linking, client, return_to = text.split(".")
        if int(expiry) <= _now():
            raise SignInError("invalid_state", "an attempt has expired")
        session_id = UUID(bytes=_decoded(linking)) if linking else None
        attempt = Attempt(seed, provider, _decoded(return_to).decode(), session_id, client)
        return OpenAttempt(attempt, int(expiry))

    def client_mark(self, key: bytes) -> str:
        """A client's mark: 72 bits, by which it is known again and nothing is said about it.

        Args:
            key: the limiter's.
        """
        return _encoded(hmac.digest(self._keys[0], b"client\0" + key, hashlib.sha256)[:MARK_BYTES])


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
