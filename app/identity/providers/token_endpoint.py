"""Exchanges an authorization code at the token endpoint (RFC 6749, section 4.1.3)."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

import jwt
import requests
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from app.errors import SignInError
from app.identity.attempt import Attempt
from app.identity.providers.provider_http import TIMEOUT, ProviderAnswerError, bound, json_object

BASIC, POST, JWT = "client_secret_basic", "client_secret_post", "client_secret_jwt"
METHODS = (BASIC, POST, JWT)
"""How this service can prove itself (OpenID Connect Core 1.0, section 9), the default first."""
CLIENT_ERRORS = ("invalid_client", "unauthorized_client")
"""What providers answer where a client is not registered to prove itself like this; Keycloak says either.

No set, as the answer may hold what has no hash.
"""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
FIELDS = ("access_token", "id_token", "error", "error_description", "error_uri")
"""What is read of an answer. oauthlib fails over the others where they are not of their type of RFC 6749."""
ERROR_STATUSES = {400, 401, 403}
"""Statuses of a token endpoint's errors (RFC 6749, section 5.2). Others come from a proxy in front of it."""


class Client:
    """This service as a client of a provider.

    Args:
        client_id: at the provider.
        secret: shared with it.
        redirect_uri: of the callback.
    """

    def __init__(self, *, client_id: str, secret: str, redirect_uri: str) -> None:
        self.id = client_id
        self.redirect_uri = redirect_uri
        self._secret = secret
        self._accepted: str | None = None

    def fetch_tokens(
        self, url: str, attempt: Attempt, code: str, *, auth_methods: Sequence[str] | None, audience: str
    ) -> dict[str, Any]:
        """The tokens for a code.

        A provider lists the methods it knows, not the one that this client is registered with. So where it
        does not know the client, which is before it looks at the code, the next method is tried, and the one
        that works is remembered.

        Args:
            url: the token endpoint.
            attempt: the one that the code was given for.
            code: used once, and never again.
            auth_methods: those that the provider lists; None where it lists none.
            audience: whom an assertion is for.

        Raises:
            SignInError: provider_unavailable or oauth_failed.
        """
        methods = self._methods(auth_methods)
        for method in methods:
            try:
                tokens = self._fetch(url, attempt, code, self._proof(method, audience))
            except OAuth2Error as error:
                if error.error in CLIENT_ERRORS and method != methods[-1]:
                    continue
                cause = f"token endpoint: {error.error}: {error.description}"
                raise SignInError("oauth_failed", cause) from error
            self._accepted = method
            return tokens
        raise AssertionError("there is always a method")

    def proofs(self, auth_methods: Sequence[str] | None, audience: str) -> Iterator[Mapping[str, Any]]:
        """Arguments of `requests.post` that prove who this client is, the likeliest to work first."""
        for method in self._methods(auth_methods):
            proof = self._proof(method, audience)
            yield {"auth": proof.pop("auth"), "data": {"client_id": self.id, **proof}}

    def _methods(self, listed: Sequence[str] | None) -> Sequence[str]:
        known = [method for method in METHODS if method in (listed or (BASIC,))] or [BASIC]
        return sorted(known, key=lambda method: method != self._accepted)

    def _proof(self, method: str, audience: str) -> dict[str, Any]:
        if method == POST:
            return {"auth": None, "client_secret": self._secret}
        if method == JWT:
            return {
                "auth": None,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self._assertion(audience),
            }
        # Form-encoded (RFC 6749, section 2.3.1), which oauthlib does not do.
        return {"auth": HTTPBasicAuth(quote_plus(self.id), quote_plus(self._secret))}

    def _assertion(self, audience: str) -> str:
        """A JWT by which the client proves itself (RFC 7523, section 3)."""
        now = int(time.time())
        claims = {"iss": self.id, "sub": self.id, "aud": audience, "iat": now, "exp": now + ASSERTION_SECONDS}
        return jwt.encode(claims | {"jti": secrets.token_urlsafe(16)}, self._secret, algorithm="HS256")

    def _fetch(self, url: str, attempt: Attempt, code: str, proof: Mapping[str, Any]) -> dict[str, Any]:
        # Google renames scopes, and oauthlib raises a Warning where they differ, so none is named here.
        session = OAuth2Session(self.id, redirect_uri=self.redirect_uri)
        session.register_compliance_hook("access_token_response", _read_fields)
        try:
            with bound(session):
                return dict(
                    session.fetch_token(
                        url,
                        code=code,
                        code_verifier=attempt.code_verifier,
                        include_client_id=proof["auth"] is None,
                        timeout=TIMEOUT,
                        **proof,
                    )
                )
        except requests.RequestException as error:
            raise SignInError("provider_unavailable", f"token endpoint: {error}") from error
        except (AttributeError, TypeError, ValueError) as error:
            # oauthlib raises these where a field of the answer does not have its type of RFC 6749.
            raise SignInError("oauth_failed", f"token endpoint: malformed answer: {error}") from error


def _read_fields(response: requests.Response) -> requests.Response:
    """The answer with FIELDS alone.

    Raises:
        ProviderAnswerError: it is no token endpoint's answer (RFC 6749, section 5); oauthlib would guess.
    """
    is_success = response.status_code == HTTPStatus.OK
    if not is_success and response.status_code not in ERROR_STATUSES:
        raise ProviderAnswerError(f"status {response.status_code}")
    answer = json_object(response)
    if "error" not in answer and not is_success:
        raise ProviderAnswerError(f"status {response.status_code} without an error")
    kept = {name: answer[name] for name in FIELDS if name in answer}
    response._content = json.dumps(kept).encode()  # noqa: SLF001  # as requests-oauthlib's own hooks do
    return response


def usable_token(token: object) -> str:
    """An access token that a header can carry.

    Raises:
        SignInError: invalid_token.
    """
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise SignInError("invalid_token", "the provider sent no usable access token")
    return token
