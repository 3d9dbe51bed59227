"""Open sign-in attempts among a browser's cookies."""

import falcon

from app.errors import SignInError
from app.identity.attempt import ATTEMPT_SECONDS, Attempt, AttemptSigner
from app.identity.attempt_slots import SLOTS, AttemptSlots
from app.web.cookies import CookiePolicy
from app.web.environ import keys_of_client


class AttemptCookies:
    """Opens attempts and takes them back.

    Args:
        signer: signs and reads them.
        cookies: name them.
    """

    def __init__(self, *, signer: AttemptSigner, cookies: CookiePolicy) -> None:
        self._signer = signer
        self._slots = AttemptSlots(signer)
        self._cookies = cookies

    def client_mark(self, req: falcon.Request) -> str:
        """The mark of the client that asks, as the limiter knows it."""
        return self._signer.client_mark(keys_of_client(req.env)[0])

    def open(self, req: falcon.Request, resp: falcon.Response, attempt: Attempt) -> None:
        """Gives an attempt to the browser to keep."""
        slot = self._slots.place(self._cookies.host_values(req, SLOTS))
        self._cookies.set_host(resp, slot, self._signer.sign(attempt), max_age=ATTEMPT_SECONDS)

    def take(self, req: falcon.Request, resp: falcon.Response, *, provider: str, state: str) -> Attempt:
        """The attempt of this browser that the state names. Its cookie is cleared, so that it works once.

        Raises:
            SignInError: invalid_state, as there is none, or it is another provider's (RFC 9700, section 4.4).
        """
        slot, attempt = self._slots.find(self._cookies.host_values(req, SLOTS), state)
        if attempt.provider != provider:
            raise SignInError("invalid_state", f"{provider} answers an attempt with {attempt.provider}")
        self._cookies.clear_host(resp, slot)
        return attempt
