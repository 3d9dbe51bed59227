"""ID tokens that no honest provider makes, put together by hand."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.provider import OpenIDProvider

Claims = dict[str, Any]
Maker = Callable[[OpenIDProvider, Claims], object]


def encoded(value: object) -> str:
    """A segment of a JWT."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(algorithm: str) -> Maker:
    """The attack of every JWT list: no signature, and a header that says so."""
    return lambda _, claims: f"{encoded({'alg': algorithm, 'kid': 'first'})}.{encoded(claims)}."


def headed(header: object) -> Maker:
    """Any header, and a signature of nobody."""
    return lambda _, claims: f"{encoded(header)}.{encoded(claims)}.{encoded(b'signature')}"


def signed_by_hmac(secret: bytes, claims: Claims, *, kid: str = "first") -> str:
    """HS256 with any secret; PyJWT itself refuses public keys."""
    signing_input = f"{encoded({'alg': 'HS256', 'kid': kid})}.{encoded(claims)}"
    return f"{signing_input}.{encoded(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def hmac_with_public_pem(provider: OpenIDProvider, claims: Claims) -> str:
    return signed_by_hmac(_public_bytes(provider, Encoding.PEM), claims)


def hmac_with_public_der(provider: OpenIDProvider, claims: Claims) -> str:
    return signed_by_hmac(_public_bytes(provider, Encoding.DER), claims)


def hmac_with_public_jwk(provider: OpenIDProvider, claims: Claims) -> str:
    return signed_by_hmac(json.dumps(provider.key_set()["keys"][0]).encode(), claims)


def hmac_with_nothing(_: OpenIDProvider, claims: Claims) -> str:
    return signed_by_hmac(b"", claims)


def forged(_: OpenIDProvider, claims: Claims) -> str:
    """Another key under the provider's key id."""
    return jwt.encode(claims, _another_key(), algorithm="RS256", headers={"kid": "first"})


def with_its_own_key(_: OpenIDProvider, claims: Claims) -> str:
    """Brings the key that verifies it along (CVE-2018-0114)."""
    key = _another_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "first", "jwk": jwk})


def with_headers(**headers: object) -> Maker:
    """The provider's own signature under other headers."""
    return lambda provider, claims: jwt.encode(
        claims, provider.keys["first"], algorithm="RS256", headers={"kid": "first"} | headers
    )


def with_other_claims(provider: OpenIDProvider, claims: Claims) -> str:
    """An honest signature, and then somebody else's subject."""
    header, _, signature = provider.signed(claims).split(".")
    return f"{header}.{encoded(claims | {'sub': 'somebody-else'})}.{signature}"


def truncated(provider: OpenIDProvider, claims: Claims) -> str:
    return provider.signed(claims)[:-22]


def without_signature(provider: OpenIDProvider, claims: Claims) -> str:
    return provider.signed(claims).rpartition(".")[0] + "."


def nested_deeply(provider: OpenIDProvider, _: Claims) -> str:
    """JSON that exhausts a recursive parser."""
    return f"{provider.signed({}).split('.')[0]}.{encoded(b'[' * 100_000)}.{encoded(b'signature')}"


def _public_bytes(provider: OpenIDProvider, encoding: Encoding) -> bytes:
    return provider.keys["first"].public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def _another_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)
