"""The conversation with the provider: authorization code flow with PKCE (RFC 9700, OpenID Connect Core)."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

import requests
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from app.accounts.profile import is_picture_url, usable_email, usable_name
from app.errors import SignInError
from app.identity.attempt import Attempt
from app.identity.email_domains import EmailDomains
from app.identity.id_token import verified_claims
from app.identity.provider import Provider, ProviderMetadata
from app.identity.provider_http import TIMEOUT, ProviderAnswerError, bound, json_object
from app.models import PendingIdentity

SCOPE = ["openid", "email", "profile"]
ERROR_STATUSES = {400, 401, 403}
"""Statuses of a token endpoint's errors (RFC 6749, section 5.2). Others come from a proxy in front of it."""


class Conversation:
    """Sends people to the provider, and turns its answer into an identity."""

    def __init__(
        self,
        *,
        provider: Provider,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        email_domains: EmailDomains,
    ) -> None:
        self._provider = provider
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._email_domains = email_domains

    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        """The URL to send the browser to.

        Args:
            attempt: the browser keeps it until the callback.
            asks_person: makes the provider ask which account to use, even if somebody is signed in there.

        Raises:
            SignInError: provider_unavailable.
        """
        metadata = self._provider.metadata()
        challenge = WebApplicationClient("").create_code_challenge(attempt.code_verifier, "S256")
        session = OAuth2Session(self._client_id, redirect_uri=self._redirect_uri, scope=SCOPE)
        url, _ = session.authorization_url(
            metadata.authorization_endpoint,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
            **({"prompt": "select_account"} if asks_person else {}),
        )
        return str(url)

    def identity(self, attempt: Attempt, *, code: str, issuer: str | None) -> PendingIdentity:
        """The person that an authorization code stands for.

        Args:
            attempt: the browser's.
            code: used once, and never again.
            issuer: the `iss` parameter of the callback (RFC 9207), or None.

        Raises:
            SignInError: with a code for the frontend and a cause for the log.
        """
        metadata = self._provider.metadata()
        if issuer != metadata.issuer and (issuer is not None or metadata.sends_issuer):
            raise SignInError("invalid_state", f"the callback names the issuer {issuer!r}")
        id_token = self._fetch_tokens(metadata, attempt, code).get("id_token")
        if not isinstance(id_token, str) or not id_token.isascii():
            raise SignInError("invalid_token", "the provider sent no ID token")
        claims = verified_claims(id_token, self._provider, client_id=self._client_id, nonce=attempt.nonce)
        email = _email(claims)
        self._email_domains.check(email, issuer=metadata.issuer, hosted_domain=claims.get("hd"))
        return PendingIdentity(
            issuer=metadata.issuer,
            subject=claims["sub"],
            email=email,
            name=usable_name(_text(claims.get("name"))),
            picture=_picture(claims.get("picture")),
        )

    def _fetch_tokens(self, metadata: ProviderMetadata, attempt: Attempt, code: str) -> dict[str, Any]:
        # Google renames scopes, and oauthlib raises a Warning where they differ, so none is named here.
        session = OAuth2Session(self._client_id, redirect_uri=self._redirect_uri)
        session.register_compliance_hook("access_token_response", _check_is_answer)
        try:
            with bound(session):
                return dict(
                    session.fetch_token(
                        metadata.token_endpoint,
                        code=code,
                        code_verifier=attempt.code_verifier,
                        client_secret=self._client_secret,
                        auth=None if metadata.takes_secret_in_body else self._basic_auth(),
                        include_client_id=metadata.takes_secret_in_body,
                        timeout=TIMEOUT,
                    )
                )
        except requests.RequestException as error:
            raise SignInError("provider_unavailable", f"token endpoint: {error}") from error
        except OAuth2Error as error:
            cause = f"token endpoint: {error.error}: {error.description}"
            raise SignInError("oauth_failed", cause) from error
        except (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError) as error:
            # oauthlib raises these where a field of the answer does not have its type of RFC 6749.
            raise SignInError("oauth_failed", f"token endpoint: malformed answer: {error}") from error

    def _basic_auth(self) -> HTTPBasicAuth:
        """The client's credentials, form-encoded (RFC 6749, section 2.3.1), which oauthlib does not do."""
        return HTTPBasicAuth(quote_plus(self._client_id), quote_plus(self._client_secret))


def _check_is_answer(response: requests.Response) -> requests.Response:
    """Raises where this is not a token endpoint's answer (RFC 6749, section 5); oauthlib would guess."""
    is_success = response.status_code == HTTPStatus.OK
    if not is_success and response.status_code not in ERROR_STATUSES:
        raise ProviderAnswerError(f"status {response.status_code}")
    if "error" not in json_object(response) and not is_success:
        raise ProviderAnswerError(f"status {response.status_code} without an error")
    return response


def _email(claims: dict[str, Any]) -> str:
    email = usable_email(_text(claims.get("email")))
    if email is None:
        raise SignInError("email_not_verified", "the provider sent no usable e-mail address")
    if claims.get("email_verified") is not True:
        raise SignInError("email_not_verified", "the provider does not vouch for the e-mail address")
    return email


def _picture(claim: object) -> str | None:
    url = _text(claim)
    return url if is_picture_url(url) else None


def _text(claim: object) -> str:
    return claim if isinstance(claim, str) else ""
