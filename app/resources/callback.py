import falcon

from app.accounts.registration import Registration
from app.accounts.sessions import Sessions
from app.errors import DatabaseUnavailableError, SignInError
from app.identity.attempt import Attempt, AttemptSigner
from app.identity.attempt_slots import SLOTS, AttemptSlots
from app.identity.conversation import Conversation
from app.identity.return_to import DEFAULT
from app.models import BegunSession
from app.telemetry.metrics import Metrics
from app.web.cookies import CookiePolicy
from app.web.environ import client_of
from app.web.paths import FRONTEND_REGISTER, HeadMixin


class CallbackResource(HeadMixin):
    """`/auth/callback`: takes the provider's answer, starts a session, sends the browser to the frontend."""

    def __init__(
        self,
        *,
        conversation: Conversation,
        signer: AttemptSigner,
        registration: Registration,
        sessions: Sessions,
        cookies: CookiePolicy,
        metrics: Metrics,
        webapp_url: str,
    ) -> None:
        self._conversation = conversation
        self._slots = AttemptSlots(signer)
        self._registration = registration
        self._sessions = sessions
        self._cookies = cookies
        self._sign_ins = metrics.sign_ins
        self._webapp_url = webapp_url

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        state = _single(req, "state") or ""
        try:
            attempt = self._take_attempt(req, resp, state)
        except SignInError:
            begun = self._find_begun(req, state)
            if begun is None:
                raise
            # The same answer once more, as when a page is loaded again: it has done its work.
            self._send_on(resp, FRONTEND_REGISTER if begun.is_pending else DEFAULT)
            return
        identity = self._conversation.identity(attempt, code=_code(req), issuer=_single(req, "iss"))
        previous_token = self._cookies.session_token(req)
        try:
            sign_in = self._registration.sign_in(
                identity, state=state, previous_token=previous_token, client=client_of(req.env)
            )
        except DatabaseUnavailableError as error:
            raise _without_database(error) from error
        self._cookies.set_session(resp, sign_in.token, max_age=int(sign_in.lifetime.total_seconds()))
        self._sign_ins.labels("registration_pending" if sign_in.is_pending else "signed_in").inc()
        self._send_on(resp, FRONTEND_REGISTER if sign_in.is_pending else attempt.return_to)

    def _send_on(self, resp: falcon.Response, path: str) -> None:
        resp.status = 303
        # The login checked that an absolute URL leads to a sibling host.
        resp.set_header("Location", path if path.startswith("https://") else self._webapp_url + path)

    def _find_begun(self, req: falcon.Request, state: str) -> BegunSession | None:
        """This browser's live session, if the sign-in with this state began it."""
        token = self._cookies.session_token(req)
        if not token or not state:
            return None
        try:
            return self._sessions.find_begun(token, state=state)
        except DatabaseUnavailableError as error:
            raise _without_database(error) from error

    def _take_attempt(self, req: falcon.Request, resp: falcon.Response, state: str) -> Attempt:
        """The attempt of this browser that the state names. It is cleared, so that it works once."""
        slot, attempt = self._slots.find(self._cookies.host_values(req, SLOTS), state)
        self._cookies.clear_host(resp, slot)
        return attempt


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
