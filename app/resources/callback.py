from uuid import UUID

import falcon

from app.accounts.identities import Identities
from app.accounts.registration import Registration
from app.accounts.sessions import Sessions
from app.errors import DatabaseUnavailableError, SignInError, UnknownProviderError
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.identity.registry import Providers
from app.identity.return_to import DEFAULT
from app.models import BegunSession, Profile
from app.telemetry.metrics import Metrics
from app.web.attempts import AttemptCookies
from app.web.cookies import CookiePolicy
from app.web.environ import client_of
from app.web.journey import set_failure_page, set_finished_sign_in, set_provider
from app.web.paths import FRONTEND_REGISTER, HeadMixin


class NamelessCallbackResource(HeadMixin):
    """`/auth/callback`: nobody's. Each provider has a redirect URI of its own (RFC 9700, section 4.4)."""

    def on_get(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise SignInError(
            "invalid_state", "the callback names no provider: register /auth/callback/NAME there"
        )


class CallbackResource(HeadMixin):
    """`/auth/callback/{provider}`: takes the provider's answer, and sends the browser to the frontend.

    It starts a session, or links the identity to the person of the session that asked for it.
    """

    def __init__(
        self,
        *,
        providers: Providers,
        attempts: AttemptCookies,
        registration: Registration,
        identities: Identities,
        sessions: Sessions,
        cookies: CookiePolicy,
        metrics: Metrics,
        webapp_url: str,
    ) -> None:
        self._providers = providers
        self._attempts = attempts
        self._registration = registration
        self._identities = identities
        self._sessions = sessions
        self._cookies = cookies
        self._sign_ins = metrics.sign_ins
        self._webapp_url = webapp_url

    def on_get(self, req: falcon.Request, resp: falcon.Response, provider: str) -> None:
        asked = self._provider(provider)
        set_provider(req, asked.name)
        state = _single(req, "state") or ""
        try:
            attempt = self._attempts.take(req, resp, provider=asked.name, state=state)
        except SignInError:
            begun = self._find_begun(req, asked, state)
            if begun is None:
                raise
            # The same answer once more, as when a page is loaded again: it has done its work.
            self._send_on(resp, FRONTEND_REGISTER if begun.is_pending else DEFAULT)
            return
        if attempt.linking:
            set_failure_page(req, self._frontend(attempt.return_to))
        asked.check_issuer(_single(req, "iss"))
        profile = asked.profile(attempt, code=_code(req))
        try:
            if attempt.linking:
                self._link(req, resp, attempt, profile, session_id=attempt.linking)
            else:
                self._sign_in(req, resp, attempt, profile)
        except DatabaseUnavailableError as error:
            raise _without_database(error) from error

    def _provider(self, name: str) -> Provider:
        try:
            return self._providers.get(name)
        except UnknownProviderError as error:
            raise SignInError("invalid_state", "the callback names no provider of this service") from error

    def _sign_in(
        self, req: falcon.Request, resp: falcon.Response, attempt: Attempt, profile: Profile
    ) -> None:
        sign_in = self._registration.sign_in(
            profile,
            state=attempt.state,
            previous_token=self._cookies.session_token(req),
            client=client_of(req.env),
        )
        if attempt.client == self._attempts.client_mark(req):
            set_finished_sign_in(req)
        self._cookies.set_session(resp, sign_in.token, max_age=int(sign_in.lifetime.total_seconds()))
        outcome = "registration_pending" if sign_in.is_pending else "signed_in"
        self._sign_ins.labels(profile.provider, outcome).inc()
        self._send_on(resp, FRONTEND_REGISTER if sign_in.is_pending else attempt.return_to)

    def _link(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        attempt: Attempt,
        profile: Profile,
        *,
        session_id: UUID,
    ) -> None:
        token, lifetime = self._identities.link(
            profile,
            session_id=session_id,
            token=self._cookies.session_token(req),
            state=attempt.state,
        )
        self._cookies.set_session(resp, token, max_age=int(lifetime.total_seconds()))
        self._sign_ins.labels(profile.provider, "linked").inc()
        self._send_on(resp, attempt.return_to)

    def _send_on(self, resp: falcon.Response, path: str) -> None:
        resp.status = 303
        resp.set_header("Location", self._frontend(path))

    def _frontend(self, path: str) -> str:
        # The login checked that an absolute URL leads to a sibling host.
        return self._webapp_url + path if path.startswith("/") else path

    def _find_begun(self, req: falcon.Request, provider: Provider, state: str) -> BegunSession | None:
        """This browser's live session, if the sign-in with this state began it."""
        token = self._cookies.session_token(req)
        if not token or not state:
            return None
        try:
            return self._sessions.find_begun(token, provider=provider.name, state=state)
        except DatabaseUnavailableError as error:
            raise _without_database(error) from error


def _without_database(error: DatabaseUnavailableError) -> SignInError:
    return SignInError("oauth_failed", f"the database is unavailable: {error}")


def _code(req: falcon.Request) -> str:
    if error := _single(req, "error"):
        cause = f"the provider answered {error[:100]!r}"
        raise SignInError("access_denied" if error == "access_denied" else "oauth_failed", cause)
    if code := _single(req, "code"):
        return code
    raise SignInError("oauth_failed", "the callback has no code")


def _single(req: falcon.Request, name: str) -> str | None:
    """A query parameter. An honest answer has it once at most."""
    values = req.get_param_as_list(name) or []
    if len(values) > 1:
        raise SignInError("invalid_state", f"the callback has more than one {name}")
    return values[0] if values else None
