"""Session and API tokens: how they are made and hashed, and how long sessions live."""

import hashlib
import hmac
import re
import secrets
import zlib
from datetime import timedelta

LIFETIME = timedelta(days=30)
"""Nothing extends it."""
IDLE_LIMIT = timedelta(days=7)
SLIDE_INTERVAL = timedelta(minutes=5)
"""A check extends the idle limit at most this often, so that most checks only read."""
PENDING_LIFETIME = timedelta(hours=1)
"""The lifetime of a session whose person has not registered yet."""


TOKEN_BYTES = 32
API_TOKEN_PREFIX = "cbt_"  # noqa: S105  # a prefix, which secret scanners look for
_API_TOKEN = re.compile(rf"{API_TOKEN_PREFIX}[0-9a-f]{{72}}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """A random session token: 256 bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_token(text: str) -> bool:
    """Whether the text has the form of a session token. Anything else needs no query."""
    return _TOKEN.fullmatch(text) is not None


def new_api_token() -> str:
    """A random API token: the prefix, then 256 bits and their CRC-32 in hexadecimal."""
    body = API_TOKEN_PREFIX + secrets.token_hex(TOKEN_BYTES)
    return body + _checksum(body)


def is_api_token(text: str) -> bool:
    """Whether prefix, length and checksum are right. A truncated or mistyped token needs no query."""
    return _API_TOKEN.fullmatch(text) is not None and _checksum(text[:-8]) == text[-8:]


def api_token_hash(token: str) -> bytes:
    """SHA-256 of the token. It needs no key, having 256 random bits, so a rotated secret keeps it."""
    return hashlib.sha256(token.encode()).digest()


def state_hash(state: str, *, provider: str) -> bytes:
    """SHA-256 of a sign-in's provider and state. Ours have 256 random bits, so it needs no key."""
    return hashlib.sha256(f"{provider}\0{state}".encode(errors="surrogatepass")).digest()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


class Keyring:
    """SESSION_SECRET and, while it is being rotated, SESSION_SECRET_PREVIOUS."""

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._secrets = [secret.encode(), *([previous.encode()] if previous else [])]

    def token_hash(self, token: str) -> bytes:
        """HMAC-SHA256 of a session token. The database holds only this, so a leaked dump signs nobody in."""
        return hmac.digest(self._secrets[0], token.encode(), hashlib.sha256)

    def previous_token_hash(self, token: str) -> bytes | None:
        """The hash by SESSION_SECRET_PREVIOUS; None without one."""
        return self.token_hashes(token)[1] if len(self._secrets) > 1 else None

    def token_hashes(self, token: str) -> list[bytes]:
        """The hashes that a token may be stored under: the current secret's, then the previous one's."""
        return [hmac.digest(secret, token.encode(), hashlib.sha256) for secret in self._secrets]

    def derived_keys(self, purpose: str) -> list[bytes]:
        """32-byte keys for another purpose, the current secret's first. They do not reveal the secret."""
        label = b"connected-backend\0" + purpose.encode()
        return [hmac.digest(secret, label, hashlib.sha256) for secret in self._secrets]
