"""The keys that sign access tokens: derived from SESSION_SECRET, so that they need no file.

All replicas derive the same ones. The public halves are published, and would let people try secrets without
asking the service; scrypt makes each try slow.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

PURPOSE = b"access-token/ES256/v1"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of P-256 (NIST SP 800-186, section 3.2.1.3)."""
SEED_BYTES = 48
"""128 bits more than n has, so that no key is likelier than another (FIPS 186-5, A.2.1)."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key for ES256.

    Attributes:
        id: the JWK's SHA-256 thumbprint (RFC 7638).
        public: the JWK (RFC 7517), as the key set shows it.
    """

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    id: str
    public: dict[str, str]


@cache
def signing_key(secret: str, issuer: str) -> SigningKey:
    """The key of a secret. Takes some 50 ms and 16 MiB the first time.

    gunicorn's master derives it before it forks, so the workers find it here.

    Args:
        secret: SESSION_SECRET, or the previous one.
        issuer: API_URL.
    """
    salt = PURPOSE + b"\0" + issuer.encode()
    seed = hashlib.scrypt(secret.encode(), salt=salt, n=2**14, r=8, p=1, dklen=SEED_BYTES)
    scalar = int.from_bytes(seed) % (P256_ORDER - 1) + 1
    private = ec.derive_private_key(scalar, ec.SECP256R1())
    point = private.public_key().public_numbers()
    members = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
    # RFC 7638 hashes these members alone, in the order of their names, without blanks.
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    thumbprint = _encoded(hashlib.sha256(canonical.encode()).digest())
    return SigningKey(private, thumbprint, {**members, "kid": thumbprint, "alg": "ES256", "use": "sig"})


def _coordinate(number: int) -> str:
    return _encoded(number.to_bytes(32))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
