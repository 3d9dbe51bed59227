from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from html import escape
from string import Template
from urllib.parse import urlencode

import falcon

from app.errors import (
    DatabaseUnavailableError,
    InvalidBearerError,
    InvalidReturnToError,
    NoEntryRuleError,
    NotInGroupError,
    NotRegisteredError,
    NotSignedInError,
    OriginNotAllowedError,
)
from app.identity.return_to import checked_return_to
from app.models import User
from app.resources.forward_auth.entry_rule import EntryRule
from app.resources.forward_auth.forwarded import ForwardedRequest, forwarded_request, is_preflight, wants_page
from app.resources.login import SELECT_ACCOUNT
from app.settings.domains import Siblings
from app.settings.parsers import origin_of
from app.telemetry.metrics import Metrics
from app.web.authentication import Authentication
from app.web.client_address import ClientAddressFinder
from app.web.environ import PROBLEM_KEY
from app.web.html_page import set_page
from app.web.media import identity_headers
from app.web.paths import LOGIN, LOGOUT, HeadMixin

NO_ACCESS = Template("""<p>You are signed in as <strong>$email</strong>.</p>
<ul>
<li><a class="choice" href="$login_url">Use another account</a></li>
<li><form method="post" action="$logout_url"><button class="choice">Sign out</button></form></li>
</ul>""")
REDIRECT = "1"
LOCATION_ONLY = "401"
"""nginx's auth_request cannot pass a 302 on, but can make one from a 401 with a Location."""
REFUSALS: Mapping[type[Exception], str] = {
    NoEntryRuleError: "no_rule",
    OriginNotAllowedError: "origin_not_allowed",
    NotSignedInError: "not_signed_in",
    InvalidBearerError: "invalid_token",
    NotRegisteredError: "not_registered",
    NotInGroupError: "not_in_group",
    DatabaseUnavailableError: "unavailable",
}
OUTCOMES = ("allowed", "preflight", *REFUSALS.values())
"""What `verify_decisions_total` counts."""


class VerifyResource(HeadMixin):
    """`/auth/verify`: tells a proxy whether to let a request through, and who sent it.

    For Traefik's ForwardAuth, Caddy's forward_auth and nginx's auth_request.
    """

    def __init__(
        self,
        *,
        authentication: Authentication,
        metrics: Metrics,
        proxies: ClientAddressFinder,
        allowed_origins: AbstractSet[str],
        api_url: str,
        webapp_url: str,
        siblings: Siblings | None,
    ) -> None:
        self._authentication = authentication
        self._decisions = {outcome: metrics.verify_decisions.labels(outcome) for outcome in OUTCOMES}
        self._proxies = proxies
        self._allowed_origins = allowed_origins
        self._login_url = f"{api_url}{LOGIN}"
        self._logout_url = f"{api_url}{LOGOUT}"
        self._webapp_url = webapp_url
        self._siblings = siblings

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            outcome = self._decide(req, resp)
        except tuple(REFUSALS) as error:
            outcome = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
            self._decisions[outcome].inc()
            raise
        self._decisions[outcome].inc()

    def _decide(self, req: falcon.Request, resp: falcon.Response) -> str:
        """Answers, and returns the outcome's word, or raises one of REFUSALS."""
        rule = EntryRule.of(req)
        if rule.is_empty:
            raise NoEntryRuleError
        forwarded = forwarded_request(req)
        if rule.passes_preflights and is_preflight(req, forwarded) and self._is_from_proxy(req):
            # It carries no credentials (Fetch standard, section 3.2.2), and the application answers it.
            return "preflight"
        self._check_origin(req, forwarded, rule)
        redirect = req.get_param("redirect") if wants_page(req, forwarded) else None
        try:
            # None: no cookie is cleared. Of two cookies that would leave the one that another host has set.
            _, user = self._authentication.get_user(req, None)
        except NotSignedInError:
            if redirect not in {REDIRECT, LOCATION_ONLY}:
                raise
            resp.set_header("Location", self._login_location(forwarded))
            if redirect == LOCATION_ONLY:
                raise
            resp.status = 302
            return "not_signed_in"
        if rule.admits(user):
            resp.set_headers(identity_headers(user))
            return "allowed"
        if redirect != REDIRECT:
            raise NotInGroupError
        self._show_refusal(resp, user, forwarded)
        req.env[PROBLEM_KEY] = outcome = REFUSALS[NotInGroupError]
        return outcome

    def _is_from_proxy(self, req: falcon.Request) -> bool:
        return self._proxies.trusts(req.env.get("REMOTE_ADDR", ""))

    def _check_origin(self, req: falcon.Request, forwarded: ForwardedRequest, rule: EntryRule) -> None:
        """Refuses requests that pages of other origins send in their visitor's name.

        The browser writes the page's origin into Origin, the proxy the request's target into X-Forwarded-*.
        """
        origin = req.get_header("Origin")
        if origin is not None and origin not in {forwarded.origin, *rule.origins} | self._allowed_origins:
            raise OriginNotAllowedError

    def _show_refusal(self, resp: falcon.Response, user: User, forwarded: ForwardedRequest) -> None:
        login_url = self._login_location(forwarded, prompt=SELECT_ACCOUNT)
        page = NO_ACCESS.substitute(
            email=escape(user.email), login_url=escape(login_url), logout_url=escape(self._logout_url)
        )
        # The browser also asks about where the sign-out leads in the end.
        form_action = f"{self._logout_url} {origin_of(self._webapp_url)}"
        set_page(resp, title="You have no access to this page", body=page, form_action=form_action)
        # With no-referrer the form's Origin would be null.
        resp.set_header("Referrer-Policy", "strict-origin")
        resp.status = 403

    def _login_location(self, forwarded: ForwardedRequest, **query: str) -> str:
        """The URL of the login; it leads back to the requested page of a sibling host."""
        if forwarded.origin:
            page = forwarded.origin + forwarded.target
            with suppress(InvalidReturnToError):
                query["return_to"] = checked_return_to(page, siblings=self._siblings)
        return f"{self._login_url}?{urlencode(query)}" if query else self._login_url
