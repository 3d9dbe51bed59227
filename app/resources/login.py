from html import escape
from urllib.parse import urlencode

import falcon

from app.errors import InvalidReturnToError, NotANavigationError, UnknownProviderError
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.identity.registry import Providers
from app.identity.return_to import checked_return_to
from app.settings.domains import Siblings
from app.web.attempts import AttemptCookies
from app.web.html_page import set_page
from app.web.journey import set_provider
from app.web.navigation import is_navigation
from app.web.paths import LOGIN, HeadMixin

SELECT_ACCOUNT = "select_account"
"""A value of `prompt` (OpenID Connect Core, section 3.1.2.1): the provider asks which account to use."""


class ProvidersResource(HeadMixin):
    """`/auth/providers`: with whom people can sign in."""

    def __init__(self, *, providers: Providers, api_url: str) -> None:
        self._media = {
            "providers": [
                {
                    "name": provider.name,
                    "label": provider.label,
                    "login_url": f"{api_url}{LOGIN}?{urlencode({'provider': provider.name})}",
                }
                for provider in providers
            ]
        }

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._media


class LoginResource(HeadMixin):
    """`/auth/login`: begins a sign-in attempt, and sends the browser to a provider.

    Where there are several and none is named, it shows a page to choose from.
    """

    def __init__(
        self, *, providers: Providers, attempts: AttemptCookies, siblings: Siblings | None, login_url: str
    ) -> None:
        self._providers = providers
        self._attempts = attempts
        self._siblings = siblings
        self._login_url = login_url

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not is_navigation(req.env):
            raise NotANavigationError
        wanted = req.get_param_as_list("return_to") or []
        if len(wanted) > 1:
            raise InvalidReturnToError
        return_to = checked_return_to(wanted[0] if wanted else None, siblings=self._siblings)
        provider = self._wanted_provider(req)
        if provider is None:
            self._set_choices(resp, req, wanted)
            return
        set_provider(req, provider.name)
        attempt = Attempt.begin(provider.name, return_to, client=self._attempts.client_mark(req))
        # Another site may send people here, but not sign them in unasked (OWASP ASVS 5.0, 7.6.2).
        is_cross_site = req.get_header("Sec-Fetch-Site") == "cross-site"
        asks_person = is_cross_site or _selects_account(req)
        url = provider.authorization_url(attempt, asks_person=asks_person)
        self._attempts.open(req, resp, attempt)
        resp.status = 302
        resp.set_header("Location", url)

    def _wanted_provider(self, req: falcon.Request) -> Provider | None:
        """The provider that the request names, or the only one; None where there is a choice."""
        names = req.get_param_as_list("provider")
        if names is None:
            return next(iter(self._providers)) if len(self._providers) == 1 else None
        if len(names) != 1:
            raise UnknownProviderError
        return self._providers.get(names[0])

    def _set_choices(self, resp: falcon.Response, req: falcon.Request, wanted: list[str]) -> None:
        parameters = {"return_to": wanted[0]} if wanted else {}
        if _selects_account(req):
            parameters["prompt"] = SELECT_ACCOUNT
        links = [
            f'<li><a class="choice" href="{escape(self._link(provider, parameters))}">'
            f"Continue with {escape(provider.label)}</a></li>"
            for provider in self._providers
        ]
        set_page(resp, title="Sign in", body="\n".join(["<ul>", *links, "</ul>"]))

    def _link(self, provider: Provider, parameters: dict[str, str]) -> str:
        return f"{self._login_url}?{urlencode({'provider': provider.name, **parameters})}"


def _selects_account(req: falcon.Request) -> bool:
    return req.get_param("prompt") == SELECT_ACCOUNT
