"""Keeps half of a worker's threads free while providers are slow: a call may take ten seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from app.errors import ProviderUnavailableError, SignInError
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.models import LogoutRequest, Profile

PATIENCE = 1.0
"""Seconds that a request waits for a place."""


class PatientProvider(Provider):
    """Asks a provider once there is a place.

    Args:
        provider: who is asked.
        own_places: as many as threads may wait for this provider at once.
        places: as many as threads may wait for any; all providers of a worker share them.
        on_wait: called before a thread waits.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        own_places: threading.Semaphore,
        places: threading.Semaphore,
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = provider.name
        self.label = provider.label
        self._provider = provider
        # In this order, so that whoever waits for a provider that hangs keeps no place from the others.
        self._places = (own_places, places)
        self._on_wait = on_wait

    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        with self._place():
            return self._provider.authorization_url(attempt, asks_person=asks_person)

    def check_issuer(self, issuer: str | None) -> None:
        with self._place():
            self._provider.check_issuer(issuer)

    def profile(self, attempt: Attempt, *, code: str) -> Profile:
        with self._place():
            return self._provider.profile(attempt, code=code)

    def owns(self, issuer: str) -> bool:
        return self._provider.owns(issuer)

    def logout_url(self, return_to: str) -> str | None:
        try:
            with self._place():
                return self._provider.logout_url(return_to)
        except SignInError:
            return None

    def read_logout_token(self, token: str) -> LogoutRequest:
        try:
            with self._place():
                return self._provider.read_logout_token(token)
        except SignInError as error:
            raise ProviderUnavailableError(error.cause) from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        self._on_wait()
        deadline = time.monotonic() + PATIENCE
        with ExitStack() as held:
            for places in self._places:
                if not places.acquire(timeout=max(deadline - time.monotonic(), 0)):
                    raise SignInError("provider_unavailable", "too many threads wait for providers")
                held.callback(places.release)
            yield
