"""A provider's metadata (OpenID Connect Discovery 1.0), and the keys that they lead to."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.errors import SignInError
from app.identity.providers.addresses import Addresses
from app.identity.providers.fetcher import Fetcher
from app.identity.providers.keys import KeySet

METADATA_LIFESPAN = 3600.0
PATIENCE = 2.0
"""Seconds to wait for another request that asks the provider for the first time."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What the service needs of the metadata (OpenID Connect Discovery 1.0, section 3).

    Attributes:
        issuer: to the letter.
        authorization_endpoint: for browsers, as end_session_endpoint; the others are asked by this service.
        token_endpoint: takes the code.
        userinfo_endpoint: more claims, if there is one.
        end_session_endpoint: ends the session at the provider (RP-Initiated Logout 1.0), if there is one.
        pushed_authorization_endpoint: takes requests beforehand, where the provider requires it (RFC 9126).
        keys: verify its tokens.
        auth_methods: with which a client may prove itself; None where the provider says nothing.
        algorithms: of its ID tokens; None where it says nothing.
        prompts: values of `prompt`; None where it says nothing.
        sends_issuer: whether its answers name it (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    pushed_authorization_endpoint: str | None
    keys: KeySet
    auth_methods: tuple[str, ...] | None
    algorithms: tuple[str, ...] | None
    prompts: tuple[str, ...] | None
    sends_issuer: bool


class Discovery:
    """Asks for the metadata at the first use, then keeps them for an hour. The start never waits for it.

    Args:
        addresses: where the provider is.
        is_issuer: whether metadata that name this issuer are the provider's.
    """

    def __init__(self, addresses: Addresses, is_issuer: Callable[[str], bool]) -> None:
        self._addresses = addresses
        self._is_issuer = is_issuer
        self._fetcher = Fetcher(f"{addresses.internal or addresses.base}/.well-known/openid-configuration")
        self._lock = threading.Lock()
        self._metadata: ProviderMetadata | None = None
        self._fetched_at = float("-inf")

    def metadata(self) -> ProviderMetadata:
        """The metadata; the last known ones while the provider is away.

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
            found = self._fetcher.fetch(partial(self._parse, known))
        except SignInError:
            if known:
                return known
            raise
        self._fetched_at = time.monotonic()
        return found

    def _parse(self, known: ProviderMetadata | None, document: dict[str, Any]) -> ProviderMetadata:
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or not self._is_issuer(issuer):
            raise SignInError("provider_unavailable", f"discovery names another issuer: {issuer!r}")
        jwks_uri = self._addresses.reached(self._endpoint(document, "jwks_uri"))
        requires_push = document.get("require_pushed_authorization_requests") is True
        return ProviderMetadata(
            issuer=issuer,
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._addresses.reached(self._endpoint(document, "token_endpoint")),
            userinfo_endpoint=self._reached(self._optional(document, "userinfo_endpoint")),
            end_session_endpoint=self._optional(document, "end_session_endpoint"),
            pushed_authorization_endpoint=self._addresses.reached(
                self._endpoint(document, "pushed_authorization_request_endpoint")
            )
            if requires_push
            else None,
            keys=known.keys if known and known.keys.url == jwks_uri else KeySet(jwks_uri),
            auth_methods=_texts(document, "token_endpoint_auth_methods_supported"),
            algorithms=_texts(document, "id_token_signing_alg_values_supported"),
            prompts=_texts(document, "prompt_values_supported"),
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, document: dict[str, Any], name: str) -> str:
        url = self._optional(document, name)
        if url is None:
            raise SignInError("provider_unavailable", f"discovery has no usable {name}")
        return url

    def _optional(self, document: dict[str, Any], name: str) -> str | None:
        url = document.get(name)
        return str(url) if self._addresses.is_usable(url) else None

    def _reached(self, url: str | None) -> str | None:
        return self._addresses.reached(url) if url else None


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of words; None where the document has none."""
    value = document.get(name)
    if not isinstance(value, list):
        return None
    return tuple(item for item in value if isinstance(item, str)) or None
