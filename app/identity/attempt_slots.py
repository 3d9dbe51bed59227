"""The four places in which a browser keeps its open attempts."""

import hmac
from collections.abc import Mapping
from itertools import count

from app.errors import SignInError
from app.identity.attempt import Attempt, AttemptSigner, OpenAttempt

SLOTS = ("sign-in-1", "sign-in-2", "sign-in-3", "sign-in-4")
"""Names of cookies. With one for each attempt, tabs that begin at once would overflow the Cookie header."""


class AttemptSlots:
    """Finds an attempt among a browser's cookies, and the place for another one.

    Args:
        signer: reads the cookies.
    """

    def __init__(self, signer: AttemptSigner) -> None:
        self._signer = signer
        self._turns = count()

    def place(self, cookies: Mapping[str, str]) -> str:
        """The name for one more attempt: a free one in turn, or that of the oldest.

        Tabs that a browser restores begin at once, each without the others' cookies. In turn they get names
        of their own.

        Args:
            cookies: those of this browser by name, SLOTS among them.
        """
        held = self._held(cookies)
        free = [name for name in SLOTS if name not in held]
        if free:
            return free[next(self._turns) % len(free)]
        return min(held, key=lambda name: held[name].expires_at)

    def find(self, cookies: Mapping[str, str], state: str) -> tuple[str, Attempt]:
        """The attempt with this state, and the name of its cookie.

        Raises:
            SignInError: invalid_state, as this browser has no such attempt.
        """
        faults: list[str] = []
        for name, held in self._held(cookies, faults).items():
            if hmac.compare_digest(held.attempt.state.encode(), state.encode(errors="surrogatepass")):
                return name, held.attempt
        raise SignInError("invalid_state", "; ".join(["this browser has no such attempt open", *faults]))

    def _held(self, cookies: Mapping[str, str], faults: list[str] | None = None) -> dict[str, OpenAttempt]:
        held = {}
        for name in SLOTS:
            if name in cookies:
                try:
                    held[name] = self._signer.read(cookies[name])
                except SignInError as error:
                    if faults is not None:
                        faults.append(error.cause)
        return held
