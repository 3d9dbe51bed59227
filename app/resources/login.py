import falcon

from app.cookies import CookiePolicy
from app.errors import InvalidReturnToError
from app.identity.attempt import LIFETIME, MAX_OPEN_ATTEMPTS, Attempt, AttemptSigner
from app.identity.conversation import Conversation
from app.identity.return_to import checked_return_to
from app.resources.resource import HeadMixin

ATTEMPT_PREFIX = "sign-in-"


class LoginResource(HeadMixin):
    """`/auth/login`: begins a sign-in attempt and sends the browser to the provider."""

    def __init__(self, conversation: Conversation, signer: AttemptSigner, cookies: CookiePolicy) -> None:
        self._conversation = conversation
        self._signer = signer
        self._cookies = cookies

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        wanted = req.get_param_as_list("return_to") or []
        if len(wanted) > 1:
            raise InvalidReturnToError
        attempt = Attempt.begin(checked_return_to(wanted[0] if wanted else None))
        url = self._conversation.authorization_url(attempt)
        self._drop_oldest_attempts(req, resp)
        self._cookies.set_host(
            resp, ATTEMPT_PREFIX + attempt.id, self._signer.sign(attempt), max_age=LIFETIME
        )
        resp.status = 302
        resp.set_header("Location", url)

    def _drop_oldest_attempts(self, req: falcon.Request, resp: falcon.Response) -> None:
        prefix = self._cookies.host_name(ATTEMPT_PREFIX)
        expiries = {
            name: self._signer.expiry(value) for name, value in req.cookies.items() if name.startswith(prefix)
        }
        newest_first = sorted(expiries, key=lambda name: expiries[name], reverse=True)
        for name in newest_first[MAX_OPEN_ATTEMPTS - 1 :]:
            self._cookies.clear_host(resp, ATTEMPT_PREFIX + name.removeprefix(prefix))
