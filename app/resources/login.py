import falcon

from app.errors import InvalidReturnToError, NotANavigationError
from app.identity.attempt import ATTEMPT_SECONDS, Attempt, AttemptSigner
from app.identity.attempt_slots import SLOTS, AttemptSlots
from app.identity.conversation import Conversation
from app.identity.return_to import checked_return_to
from app.web.cookies import CookiePolicy
from app.web.navigation import is_navigation
from app.web.paths import HeadMixin


class LoginResource(HeadMixin):
    """`/auth/login`: begins a sign-in attempt, and sends the browser to the provider."""

    def __init__(self, *, conversation: Conversation, signer: AttemptSigner, cookies: CookiePolicy) -> None:
        self._conversation = conversation
        self._signer = signer
        self._slots = AttemptSlots(signer)
        self._cookies = cookies

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not is_navigation(req.env):
            raise NotANavigationError
        wanted = req.get_param_as_list("return_to") or []
        if len(wanted) > 1:
            raise InvalidReturnToError
        return_to = checked_return_to(wanted[0] if wanted else None, cookie_domain=self._cookies.domain)
        attempt = Attempt.begin(return_to)
        # Another site may send people here, but not sign them in unasked (OWASP ASVS 5.0, 7.6.2).
        is_cross_site = req.get_header("Sec-Fetch-Site") == "cross-site"
        asks_person = is_cross_site or req.get_param("prompt") == "select_account"
        url = self._conversation.authorization_url(attempt, asks_person=asks_person)
        slot = self._slots.place(self._cookies.host_values(req, SLOTS))
        self._cookies.set_host(resp, slot, self._signer.sign(attempt), max_age=ATTEMPT_SECONDS)
        resp.status = 302
        resp.set_header("Location", url)
