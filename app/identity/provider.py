"""The OpenID provider: its metadata (discovery) and its keys."""

import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests

from app.errors import SignInError
from app.identity.provider_http import get_json

METADATA_LIFESPAN = 3600.0
PATIENCE = 2.0
"""Seconds to wait for another request that asks the provider for the first time."""
RETRY_PAUSE = 5.0
"""Seconds in which a failure is reported again without asking, so that no threads queue for the provider."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a sign-in needs of the metadata (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_secret_in_body: bool
    sends_issuer: bool


class _Fetcher:
    """Fetches one JSON document, and repeats a failure for RETRY_PAUSE. Its owner holds a lock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failed_at = float("-inf")
        self._failure = ""

    def fetch(self) -> dict[str, Any]:
        if time.monotonic() - self._failed_at < RETRY_PAUSE:
            raise SignInError("provider_unavailable", f"{self._failure} (a moment ago)")
        try:
            return get_json(self._url)
        except requests.RequestException as error:
            self._failed_at = time.monotonic()
            self._failure = f"{self._url}: {error}"
            raise SignInError("provider_unavailable", self._failure) from error


class _KeySet(jwt.PyJWKClient):
    """PyJWT's key set over bounded HTTP. Requests that come meanwhile share the answer."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._fetcher = _Fetcher(uri)
        self._lock = threading.Lock()

    def get_jwk_set(self, refresh: bool = False) -> jwt.PyJWKSet:  # noqa: FBT001, FBT002  # PyJWT's own signature
        with self._lock:
            return super().get_jwk_set(refresh)

    def fetch_data(self) -> jwt.PyJWKSet:
        document = self._fetcher.fetch()
        try:
            return jwt.PyJWKSet.from_dict(document)
        except (jwt.PyJWTError, TypeError) as error:
            raise SignInError("provider_unavailable", f"{self.uri}: unusable key set: {error}") from error


class Provider:
    """Asks for the metadata at the first use, then keeps it for an hour. The start never waits for it."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._fetcher = _Fetcher(f"{issuer}/.well-known/openid-configuration")
        self._lock = threading.Lock()
        self._metadata: ProviderMetadata | None = None
        self._keys: _KeySet | None = None
        self._fetched_at = float("-inf")

    def metadata(self) -> ProviderMetadata:
        """The metadata; the last known one while the provider is away.

        Raises:
            SignInError: provider_unavailable.
        """
        known = self._metadata
        # The provider may hang, so one thread asks. The others use what is known, or share its answer.
        if known and (self._is_fresh() or self._lock.locked()):
            return known
        if not self._lock.acquire(timeout=PATIENCE):
            raise SignInError("provider_unavailable", "another request is waiting for the provider")
        try:
            if self._metadata is None or not self._is_fresh():
                self._metadata = self._found(self._metadata)
            return self._metadata
        finally:
            self._lock.release()

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._fetched_at < METADATA_LIFESPAN

    def _found(self, known: ProviderMetadata | None) -> ProviderMetadata:
        try:
            found = self._parse(self._fetcher.fetch())
        except SignInError:
            if known:
                return known
            raise
        if self._keys is None or self._keys.uri != found.jwks_uri:
            self._keys = _KeySet(found.jwks_uri)
        self._fetched_at = time.monotonic()
        return found

    def signing_key(self, id_token: str) -> jwt.PyJWK:
        """The key that the token's header names, or the provider's only key where it names none.

        A provider with one key need not name it (OpenID Connect Core 1.0, section 10.1).

        Raises:
            SignInError: provider_unavailable, as the key set cannot be fetched.
            jwt.PyJWTError: no such key, or an unreadable header.
        """
        self.metadata()
        if self._keys is None:
            raise SignInError("provider_unavailable", "no key set")
        if "kid" not in jwt.get_unverified_header(id_token):
            keys = self._keys.get_signing_keys()
            if len(keys) == 1:
                return keys[0]
        return self._keys.get_signing_key_from_jwt(id_token)

    def _parse(self, document: dict[str, Any]) -> ProviderMetadata:
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._issuer:
            raise SignInError("provider_unavailable", f"discovery names another issuer: {issuer!r}")
        methods = document.get("token_endpoint_auth_methods_supported")
        return ProviderMetadata(
            issuer=issuer,
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            jwks_uri=self._endpoint(document, "jwks_uri"),
            takes_secret_in_body=isinstance(methods, list) and "client_secret_post" in methods,
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, document: dict[str, Any], name: str) -> str:
        url = document.get(name)
        schemes = {"https"} if self._issuer.startswith("https://") else {"https", "http"}
        if not isinstance(url, str) or not _is_url(url, schemes):
            raise SignInError("provider_unavailable", f"discovery has no usable {name}")
        return url


def _is_url(text: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and not {" ", "\\"} & set(text)
    return has_host and is_plain and parts.scheme in schemes
