"""The keys of a provider (RFC 7517), which verify the tokens that it signed."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeGuard

import jwt

from app.errors import SignInError
from app.identity.providers.fetcher import Fetcher

Purpose = Literal["sign-in", "logout"]

KEY_LIFESPAN = 300.0
"""Seconds. A key that the provider has taken back is trusted no longer than this."""
REFETCH_PAUSE = 60.0
"""Seconds between two fetches that bad tokens cause, so that they do not hammer the provider."""

KEY_TYPES: Mapping[str, tuple[str, frozenset[str]]] = {
    **{f"{family}{bits}": ("RSA", frozenset()) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
}
"""Algorithm (RFC 7518, RFC 8037) → type and curves of its keys. None has a shared secret."""


class UnknownKeyError(jwt.PyJWTError):
    """The key set has no key for the token."""


class KeySet:
    """Fetches the key set at the first use, after KEY_LIFESPAN, and for tokens that it cannot verify.

    Args:
        url: where this service reaches it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fetcher = Fetcher(url)
        self._lock = threading.Lock()
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._fetched_at = float("-inf")
        # The first fetch is none of these: the first token that cannot be verified always fetches.
        self._refetched_at: dict[Purpose, float] = {}

    def decode(
        self,
        token: str,
        *,
        announced: Collection[str] | None,
        purpose: Purpose,
        **checks: Any,  # noqa: ANN401  # passed on
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The claims of a token whose signature is the provider's, and the key that made it.

        Args:
            token: a JWT.
            announced: the algorithms that the provider uses; None where it does not say.
            purpose: each has its own allowance of refetches.
            checks: of the claims, as for `jwt.decode`.

        Raises:
            SignInError: provider_unavailable, as the key set cannot be fetched.
            jwt.PyJWTError: the token is not valid.
        """
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if not _is_allowed(algorithm, announced):
            raise jwt.InvalidAlgorithmError("The specified alg value is not allowed")
        keys = self._current()
        try:
            return _decode(token, _chosen(keys, header), algorithm, checks)
        except (UnknownKeyError, jwt.InvalidSignatureError):
            newer = self._refetched(keys, purpose)
            if newer is keys:
                raise
        return _decode(token, _chosen(newer, header), algorithm, checks)

    def _current(self) -> Sequence[Mapping[str, Any]]:
        """The keys; the last known ones while the provider is away."""
        if self._keys and (self._is_fresh() or self._lock.locked()):
            return self._keys
        with self._lock:
            if not self._is_fresh():
                try:
                    self._fetch()
                except SignInError:
                    if not self._keys:
                        raise
            return self._keys

    def _refetched(self, seen: Sequence[Mapping[str, Any]], purpose: Purpose) -> Sequence[Mapping[str, Any]]:
        """The keys after another fetch; the same ones where the pause is not over."""
        with self._lock:
            # Another request may have fetched them meanwhile.
            if self._keys is seen:
                now = time.monotonic()
                if now - self._refetched_at.get(purpose, float("-inf")) < REFETCH_PAUSE:
                    return seen
                self._fetch()
                self._refetched_at[purpose] = now
            return self._keys

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._fetched_at < KEY_LIFESPAN

    def _fetch(self) -> None:
        self._keys = self._fetcher.fetch(_usable)
        self._fetched_at = time.monotonic()


def _is_allowed(algorithm: object, announced: Collection[str] | None) -> TypeGuard[str]:
    is_known = isinstance(algorithm, str) and algorithm in KEY_TYPES
    return is_known and (announced is None or algorithm in announced)


def _decode(
    token: str, key: Mapping[str, Any], algorithm: str, checks: Mapping[str, Any]
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    return jwt.decode(token, jwt.PyJWK(dict(key), algorithm), algorithms=[algorithm], **checks), key


def _chosen(keys: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> Mapping[str, Any]:
    """The key that the header names; without names on either side, the only one that fits."""
    fitting = [key for key in keys if _fits(key, header["alg"])]
    kid = header.get("kid")
    if kid is not None:
        fitting = [key for key in fitting if key.get("kid") == kid] or [
            key for key in fitting if "kid" not in key
        ]
    if len(fitting) != 1:
        raise UnknownKeyError(f"Unable to find a signing key: {len(fitting)} of {len(keys)} keys fit")
    return fitting[0]


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    kind, curves = KEY_TYPES[algorithm]
    # RFC 9864 calls EdDSA by its curve.
    is_for_it = key.get("alg") in {None, algorithm, key.get("crv") if kind == "OKP" else None}
    is_for_signatures = key.get("use") in {None, "sig"}
    return key["kty"] == kind and (not curves or key["crv"] in curves) and is_for_it and is_for_signatures


def _usable(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The keys of a key set that can be read.

    Raises:
        SignInError: provider_unavailable, as there is none.
    """
    keys = document.get("keys")
    usable = [key for key in keys if _is_usable(key)] if isinstance(keys, list) else []
    if not usable:
        raise SignInError("provider_unavailable", "the key set has no usable key")
    return usable


def _is_usable(key: object) -> bool:
    """Whether a key can be read, whatever it is for; fields that are compared must be text."""
    if not isinstance(key, dict):
        return False
    if not all(isinstance(key.get(field, ""), str) for field in ("kty", "crv", "alg", "use", "kid")):
        return False
    for algorithm, (kind, curves) in KEY_TYPES.items():
        if key.get("kty") == kind and (not curves or key.get("crv") in curves):
            try:
                jwt.PyJWK(dict(key), algorithm)
            except (jwt.PyJWTError, TypeError, ValueError):
                return False
            return True
    return False
