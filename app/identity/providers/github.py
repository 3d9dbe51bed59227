"""GitHub: OAuth 2.0 without OpenID Connect. The person is read from its API."""

from typing import Any

import requests

from app.errors import SignInError
from app.identity.attempt import Attempt
from app.identity.providers.addresses import Addresses
from app.identity.providers.claims import make_profile, vouched_email
from app.identity.providers.openid import authorization_request
from app.identity.providers.provider import Provider
from app.identity.providers.provider_http import get, json_value
from app.identity.providers.token_endpoint import POST, Client, usable_token
from app.models import Profile
from app.settings.providers import ProviderSettings

GITHUB = "https://github.com"
GITHUB_API = "https://api.github.com"
ACCEPT = "application/vnd.github+json"
MAX_NUMBER = 2**63
"""Above all numbers that GitHub's API describes as int64."""


class GitHubProvider(Provider):
    """github.com, or an Enterprise Server.

    Args:
        settings: of this provider; its issuer is GITHUB_URL.
        redirect_uri: of its callback.
    """

    def __init__(self, settings: ProviderSettings, *, redirect_uri: str) -> None:
        super().__init__(settings)
        self._settings = settings
        self._issuer = settings.issuer
        addresses = Addresses(settings.issuer, settings.internal_url)
        api = GITHUB_API if settings.issuer == GITHUB else f"{settings.issuer}/api/v3"
        self._authorization_endpoint = f"{settings.issuer}/login/oauth/authorize"
        self._token_endpoint = addresses.reached(f"{settings.issuer}/login/oauth/access_token")
        self._api = addresses.reached(api)
        self._client = Client(
            client_id=settings.client_id, secret=settings.client_secret, redirect_uri=redirect_uri
        )

    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        return authorization_request(
            self._authorization_endpoint,
            self._client,
            attempt,
            self._settings.scopes,
            **({"prompt": "select_account"} if asks_person else {}),
        )

    def check_issuer(self, issuer: str | None) -> None:
        # The second is what GitHub calls itself as an authorization server (RFC 8414).
        if issuer not in {None, self._issuer, f"{self._issuer}/login/oauth"}:
            raise SignInError("invalid_state", f"the callback names the issuer {str(issuer)[:100]!r}")

    def profile(self, attempt: Attempt, *, code: str) -> Profile:
        tokens = self._client.fetch_tokens(
            self._token_endpoint, attempt, code, auth_methods=[POST], audience=self._issuer
        )
        access_token = usable_token(tokens.get("access_token"))
        person = self._get("/user", access_token)
        if not isinstance(person, dict):
            raise SignInError("provider_unavailable", "/user: no JSON object")
        claims = {
            **person,
            "sub": _subject(person.get("id")),
            "name": person.get("name") or person.get("login"),
            "picture": person.get("avatar_url"),
            # Only OpenID providers have these.
            "sid": None,
            "hd": None,
        }
        # Its largest page; without the parameter it has 30.
        email = _primary(self._get("/user/emails?per_page=100", access_token))
        return make_profile(
            provider=self.name,
            issuer=self._issuer,
            email=vouched_email(email, trusts_silence=False),
            id_token=claims,
            userinfo={},
            groups_claim=self._settings.groups_claim,
        )

    def owns(self, issuer: str) -> bool:
        return issuer == self._issuer

    def _get(self, path: str, access_token: str) -> object:
        try:
            return json_value(get(f"{self._api}{path}", accept=ACCEPT, bearer=access_token))
        except requests.RequestException as error:
            raise SignInError("provider_unavailable", f"{path}: {error}") from error


def _subject(number: object) -> str:
    """The account's number. Its name can be given up, and taken by somebody else."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < MAX_NUMBER:
        raise SignInError("invalid_token", "/user: id is no number")
    return str(number)


def _primary(emails: object) -> dict[str, Any]:
    """The address that is primary and verified, as claims; none where there is no such address."""
    for item in emails if isinstance(emails, list) else []:
        if isinstance(item, dict) and item.get("primary") is True and item.get("verified") is True:
            return {"email": item.get("email"), "email_verified": True}
    return {}
