"""OpenID Connect: authorization code flow with PKCE (RFC 9700, OpenID Connect Core 1.0)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from app.accounts.admission import GOOGLE
from app.errors import InvalidLogoutTokenError, ProviderUnavailableError, SignInError
from app.identity.attempt import Attempt
from app.identity.providers.addresses import Addresses
from app.identity.providers.claims import (
    Claims,
    email_source,
    has_email,
    lacks_some,
    make_profile,
    vouched_email,
)
from app.identity.providers.discovery import Discovery, ProviderMetadata
from app.identity.providers.id_token import usable_id_token, verified_claims
from app.identity.providers.logout_token import read_logout_token
from app.identity.providers.provider import Provider
from app.identity.providers.provider_http import TIMEOUT, bound, json_object
from app.identity.providers.token_endpoint import Client
from app.identity.providers.userinfo import fetch_userinfo
from app.models import LogoutRequest, Profile
from app.settings.providers import ProviderSettings

SELECT_ACCOUNT, LOGIN = "select_account", "login"

logger = logging.getLogger(__name__)


class OpenIDProvider(Provider):
    """A provider that speaks OpenID Connect and publishes its metadata.

    Args:
        settings: of this provider.
        redirect_uri: of its callback.
    """

    def __init__(self, settings: ProviderSettings, *, redirect_uri: str) -> None:
        super().__init__(settings)
        self._settings = settings
        self._discovery = Discovery(Addresses(settings.issuer, settings.internal_url), self._is_announced_by)
        self._client = Client(
            client_id=settings.client_id, secret=settings.client_secret, redirect_uri=redirect_uri
        )

    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        metadata = self._discovery.metadata()
        prompt = self._prompt(metadata) if asks_person else None
        url = authorization_request(
            metadata.authorization_endpoint,
            self._client,
            attempt,
            self._settings.scopes,
            nonce=attempt.nonce,
            **({"prompt": prompt} if prompt else {}),
        )
        return self._pushed(url, metadata) if metadata.pushed_authorization_endpoint else url

    def check_issuer(self, issuer: str | None) -> None:
        metadata = self._discovery.metadata()
        if issuer is None and metadata.sends_issuer:
            raise SignInError("invalid_state", "the callback names no issuer")
        if issuer is not None and not self._may_name(issuer, metadata):
            raise SignInError("invalid_state", f"the callback names the issuer {issuer[:100]!r}")

    def profile(self, attempt: Attempt, *, code: str) -> Profile:
        metadata = self._discovery.metadata()
        tokens = self._client.fetch_tokens(
            metadata.token_endpoint,
            attempt,
            code,
            auth_methods=metadata.auth_methods,
            audience=metadata.issuer,
        )
        id_token = usable_id_token(tokens.get("id_token"))
        claims, key = verified_claims(
            id_token,
            metadata,
            issuer=self._token_issuers(id_token, metadata),
            client_id=self._client.id,
            nonce=attempt.nonce,
        )
        self._check_key(key, claims)
        claims = self._with_verification(claims)
        userinfo = self._with_verification(self._userinfo(metadata, tokens, claims))
        return make_profile(
            provider=self.name,
            issuer=self._identity_issuer(claims, metadata),
            email=vouched_email(email_source(claims, userinfo), trusts_silence=self._trusts_silence),
            id_token=claims,
            userinfo=userinfo,
            groups_claim=self._settings.groups_claim,
        )

    def owns(self, issuer: str) -> bool:
        return issuer.rstrip("/") == self._settings.issuer.rstrip("/")

    def logout_url(self, return_to: str) -> str | None:
        try:
            endpoint = self._discovery.metadata().end_session_endpoint
        except SignInError as error:
            logger.warning("Provider unavailable", extra={"provider": self.name, "cause": error.cause[:500]})
            return None
        if endpoint is None:
            return None
        query = urlencode({"client_id": self._client.id, "post_logout_redirect_uri": return_to})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    def read_logout_token(self, token: str) -> LogoutRequest:
        try:
            metadata = self._discovery.metadata()
        except SignInError as error:
            raise ProviderUnavailableError(error.cause) from error
        try:
            issuers = self._token_issuers(token, metadata)
        except SignInError as error:
            raise InvalidLogoutTokenError(error.cause) from error
        return read_logout_token(
            token, metadata, provider=self.name, issuer=issuers, client_id=self._client.id
        )

    # What Microsoft does in its own way.

    def _prompt(self, metadata: ProviderMetadata) -> str | None:
        """The value of `prompt` that makes the provider ask who is there, if it has one.

        A value that a provider does not know ends the sign-in. Where it does not say what it knows, this is
        `login`, which certified providers must know. Google does not say either, and does not know `login`.
        """
        known = metadata.prompts or (SELECT_ACCOUNT if metadata.issuer == GOOGLE else LOGIN,)
        return next((prompt for prompt in (SELECT_ACCOUNT, LOGIN) if prompt in known), None)

    @property
    def _trusts_silence(self) -> bool:
        """Whether an address counts of which the provider does not say if it is verified."""
        return self._settings.trusts_email

    def _is_announced_by(self, issuer: str) -> bool:
        """Whether metadata with this issuer are the provider's. A slash at the end is often forgotten."""
        return issuer.rstrip("/") == self._settings.issuer.rstrip("/")

    def _may_name(self, issuer: str, metadata: ProviderMetadata) -> bool:
        """Whether a callback of the provider may name this issuer."""
        return issuer == metadata.issuer

    def _token_issuers(self, _token: str, metadata: ProviderMetadata) -> str | list[str]:
        """The issuers that a token may have; it must have one of them."""
        issuer = metadata.issuer
        # Only Google may leave the scheme out of its issuer.
        return [issuer, issuer.removeprefix("https://")] if issuer == GOOGLE else issuer

    def _identity_issuer(self, _claims: Claims, metadata: ProviderMetadata) -> str:
        return metadata.issuer

    def _check_key(self, key: Mapping[str, Any], claims: Claims) -> None:
        """Raises SignInError where the key is not one for these claims."""

    def _with_verification(self, source: dict[str, Any]) -> dict[str, Any]:
        """The claims with `email_verified` as the provider means it."""
        return source

    def _userinfo(
        self, metadata: ProviderMetadata, tokens: Mapping[str, Any], claims: Claims
    ) -> dict[str, Any]:
        """The claims of userinfo, where they are needed; without them an address is still an address."""
        if metadata.userinfo_endpoint is None or not lacks_some(claims, self._settings.groups_claim):
            return {}
        try:
            return fetch_userinfo(
                metadata,
                tokens.get("access_token"),
                subject=claims["sub"],
                issuer=claims["iss"],
                client_id=self._client.id,
            )
        except SignInError as error:
            if error.code != "provider_unavailable" or self._needs_userinfo(claims):
                raise
            logger.warning("Provider unavailable", extra={"provider": self.name, "cause": error.cause[:500]})
            return {}

    def _needs_userinfo(self, claims: Claims) -> bool:
        """Whether nobody can be signed in without it. Groups are never guessed."""
        is_known = has_email(claims) or (self._trusts_silence and claims.get("email") is not None)
        return self._settings.groups_claim is not None or not is_known

    def _pushed(self, url: str, metadata: ProviderMetadata) -> str:
        """The URL for a request that the provider has been told beforehand (RFC 9126)."""
        parameters = dict(parse_qsl(urlsplit(url).query))
        try:
            with bound(requests.Session()) as session:
                for proof in self._client.proofs(metadata.auth_methods, metadata.issuer):
                    response = session.post(
                        str(metadata.pushed_authorization_endpoint),
                        data={**parameters, **proof["data"]},
                        auth=proof["auth"],
                        headers={"Accept": "application/json"},
                        timeout=TIMEOUT,
                    )
                    # An error about the client has either status (RFC 6749, section 5.2).
                    if response.status_code not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
                        break
                response.raise_for_status()
                request_uri = json_object(response).get("request_uri")
        except requests.RequestException as error:
            raise SignInError("provider_unavailable", f"pushed authorization: {error}") from error
        if not isinstance(request_uri, str):
            raise SignInError("provider_unavailable", "pushed authorization: no request_uri")
        query = urlencode({"client_id": self._client.id, "request_uri": request_uri})
        endpoint = metadata.authorization_endpoint
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"


def authorization_request(
    endpoint: str, client: Client, attempt: Attempt, scopes: tuple[str, ...], **parameters: str
) -> str:
    """The URL of an authorization request with state and PKCE (RFC 6749, RFC 7636)."""
    session = OAuth2Session(client.id, redirect_uri=client.redirect_uri, scope=list(scopes))
    url, _ = session.authorization_url(
        endpoint,
        state=attempt.state,
        code_challenge=WebApplicationClient("").create_code_challenge(attempt.code_verifier, "S256"),
        code_challenge_method="S256",
        **parameters,
    )
    return str(url)
