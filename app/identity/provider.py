"""The OpenID provider: what it says of itself, and the keys it signs with."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import jwt
import requests

from app.errors import SignInError
from app.identity.provider_http import get_json

METADATA_LIFESPAN = 3600.0
RETRY_PAUSE = 5.0
"""Seconds during which a failure is repeated to others, so that threads do not queue for a hung provider."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The parts of OpenID Connect Discovery 1.0, section 3, that a sign-in needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_secret_in_body: bool
    sends_issuer: bool


class _Fetcher:
    """Fetches one JSON document at a time, and remembers a failure for RETRY_PAUSE."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._failed_at = float("-inf")
        self._failure = ""

    def fetch(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() - self._failed_at < RETRY_PAUSE:
                raise SignInError("provider_unavailable", f"{self._failure} (a moment ago)")
            try:
                return get_json(self._url)
            except requests.RequestException as error:
                self._failed_at = time.monotonic()
                self._failure = f"{self._url}: {error}"
                raise SignInError("provider_unavailable", self._failure) from error


class _KeySet(jwt.PyJWKClient):
    """PyJWT's key set, fetched by bounded HTTP."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._fetcher = _Fetcher(uri)

    def fetch_data(self) -> Any:  # noqa: ANN401  # PyJWT's own signature
        return self._fetcher.fetch()


class Provider:
    """Found by discovery at first use, then kept for an hour; start-up never waits for it."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._fetcher = _Fetcher(f"{issuer}/.well-known/openid-configuration")
        self._lock = threading.Lock()
        self._metadata: ProviderMetadata | None = None
        self._keys: _KeySet | None = None
        self._fetched_at = float("-inf")

    def metadata(self) -> ProviderMetadata:
        """What discovery says; the last known answer while the provider is away.

        Raises:
            SignInError: provider_unavailable.
        """
        known = self._metadata
        if known and time.monotonic() - self._fetched_at < METADATA_LIFESPAN:
            return known
        try:
            found = self._parse(self._fetcher.fetch())
        except SignInError:
            if known:
                return known
            raise
        with self._lock:
            if self._keys is None or self._keys.uri != found.jwks_uri:
                self._keys = _KeySet(found.jwks_uri)
            self._metadata, self._fetched_at = found, time.monotonic()
        return found

    def signing_key(self, id_token: str) -> jwt.PyJWK:
        """The key that the token's header names, or the provider's only key when it names none.

        A provider with one key need not name it (OpenID Connect Core 1.0, section 10.1).

        Raises:
            SignInError: provider_unavailable when the key set cannot be had.
            jwt.PyJWTError: no such key, or no header to read.
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
        allowed = ("https://",) if self._issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(url, str) or not url.startswith(allowed):
            raise SignInError("provider_unavailable", f"discovery has no usable {name}")
        return url
