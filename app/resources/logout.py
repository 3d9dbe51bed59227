import logging
from collections.abc import Iterable

import falcon

from app.accounts.identities import Identities
from app.accounts.sessions import Sessions
from app.errors import InvalidLogoutTokenError, ProviderNotFoundError, UnknownProviderError
from app.identity.providers.provider import Provider
from app.identity.registry import Providers
from app.models import EndedSession
from app.web.cookies import CookiePolicy
from app.web.form_body import read_form

logger = logging.getLogger(__name__)


class LogoutResource:
    """`/auth/logout`: ends the session and clears its cookie.

    With `?provider=1` it says where to end the session at the provider, too (RP-Initiated Logout 1.0), and
    leads forms there.
    """

    def __init__(
        self, *, sessions: Sessions, cookies: CookiePolicy, providers: Providers, webapp_url: str
    ) -> None:
        self._sessions = sessions
        self._cookies = cookies
        self._providers = providers
        self._webapp_url = webapp_url

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        ended: Iterable[EndedSession] = ()
        if tokens := self._cookies.session_tokens(req):
            # All of them, as another host may have added one to the real one.
            ended = self._sessions.end(*tokens)
            self._cookies.clear_session(resp)
        is_for_provider = req.get_param("provider") == "1"
        logout_url = self._logout_url(ended) if is_for_provider else None
        if req.get_header("Sec-Fetch-Mode") == "navigate":
            # The form of a page, which a 204 would leave where it is.
            resp.status = 303
            resp.set_header("Location", logout_url or self._webapp_url)
        elif is_for_provider:
            resp.media = {"logout_url": logout_url}
        else:
            resp.status = 204

    def _logout_url(self, ended: Iterable[EndedSession]) -> str | None:
        names = {session.provider for session in ended}
        asked = next((provider for provider in self._providers if provider.name in names), None)
        return asked.logout_url(self._webapp_url) if asked else None


class BackchannelLogoutResource:
    """`/auth/backchannel-logout/{provider}`: a provider ends sessions (Back-Channel Logout 1.0)."""

    def __init__(self, *, providers: Providers, identities: Identities) -> None:
        self._providers = providers
        self._identities = identities

    def on_post(self, req: falcon.Request, resp: falcon.Response, provider: str) -> None:
        try:
            asked = self._providers.get(provider)
        except UnknownProviderError as error:
            raise ProviderNotFoundError from error
        try:
            self._end_sessions(asked, read_form(req).get("logout_token", []))
        except InvalidLogoutTokenError as error:
            logger.warning("Logout token refused", extra={"provider": asked.name, "cause": str(error)[:500]})
            raise
        resp.status = 200

    def _end_sessions(self, provider: Provider, tokens: list[str]) -> None:
        if len(tokens) != 1:
            raise InvalidLogoutTokenError("there must be one logout_token")
        if not self._identities.end_sessions(provider.read_logout_token(tokens[0])):
            raise InvalidLogoutTokenError("the token has been used before")
