"""Session tokens, what the database keeps of them, and keys for other uses of the same secret."""

import hashlib
import hmac
import re
import secrets

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """A random token: 256 bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_token(text: str) -> bool:
    """Whether the text has the shape of a token, so that anything else costs no query."""
    return _TOKEN.fullmatch(text) is not None


class Keyring:
    """SESSION_SECRET and, while it is being rotated, SESSION_SECRET_PREVIOUS."""

    def __init__(self, secret: str, previous: str | None = None) -> None:
        self._secrets = [secret.encode(), *([previous.encode()] if previous else [])]

    def token_hash(self, token: str) -> bytes:
        """HMAC-SHA256 of the token: all that the database holds, so that a leaked dump signs nobody in."""
        return hmac.digest(self._secrets[0], token.encode(), hashlib.sha256)

    def token_hashes(self, token: str) -> list[bytes]:
        """The hashes a token may be stored under: by the current secret first, then by the previous one."""
        return [hmac.digest(secret, token.encode(), hashlib.sha256) for secret in self._secrets]

    def derived_keys(self, purpose: str) -> list[bytes]:
        """32-byte keys for another purpose, the current secret's first; none reveals a token hash's key."""
        label = b"connected-backend\0" + purpose.encode()
        return [hmac.digest(secret, label, hashlib.sha256) for secret in self._secrets]
