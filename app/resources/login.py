import falcon

from app.errors import InvalidReturnToError, NotANavigationError
from app.identity.attempt import (
    ATTEMPT_PREFIX,
    ATTEMPT_SECONDS,
    MAX_OPEN_ATTEMPTS,
    MAX_OPEN_LENGTH,
    Attempt,
    AttemptSigner,
)
from app.identity.conversation import Conversation
from app.identity.return_to import checked_return_to
from app.web.cookies import CookiePolicy
from app.web.methods import HeadMixin
from app.web.navigation import is_navigation


class LoginResource(HeadMixin):
    """`/auth/login`: begins a sign-in attempt, and sends the browser to the provider."""

    def __init__(self, *, conversation: Conversation, signer: AttemptSigner, cookies: CookiePolicy) -> None:
        self._conversation = conversation
        self._signer = signer
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
        url = self._conversation.authorization_url(attempt, asks_person=is_cross_site)
        cookie = self._signer.sign(attempt)
        self._make_room(req, resp, len(cookie))
        self._cookies.set_host(resp, ATTEMPT_PREFIX + attempt.id, cookie, max_age=ATTEMPT_SECONDS)
        resp.status = 302
        resp.set_header("Location", url)

    def _make_room(self, req: falcon.Request, resp: falcon.Response, length: int) -> None:
        """Clears the oldest attempts: servers refuse a Cookie header that is too long."""
        prefix = self._cookies.host_name(ATTEMPT_PREFIX)
        attempts = {name: value for name, value in req.cookies.items() if name.startswith(prefix)}
        # Browsers send the oldest cookie first, which orders attempts of the same second.
        newest_first = sorted(attempts, key=lambda name: self._signer.expiry(attempts[name]))[::-1]
        for count, name in enumerate(newest_first, start=1):
            length += len(name) + len(attempts[name])
            if count >= MAX_OPEN_ATTEMPTS or length > MAX_OPEN_LENGTH:
                self._cookies.clear_host(resp, ATTEMPT_PREFIX + name.removeprefix(prefix))
