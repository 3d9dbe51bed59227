"""Keeps half of a worker's threads free while providers are slow: a call may take ten seconds."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import ProviderUnavailableError, SignInError
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.models import LogoutRequest, Profile

PATIENCE = 1.0
"""Seconds that a request waits for a place."""


class PatientProvider(Provider):
    """Asks a provider once there is a place. All providers of a worker share the places.

    Args:
        provider: who is asked.
        places: as many as threads may wait for providers at once.
        on_wait: called before a thread waits.
    """

    def __init__(
        self, provider: Provider, places: threading.Semaphore, *, on_wait: Callable[[], object] = lambda: None
    ) -> None:
        self.name = provider.name
        self.label = provider.label
        self._provider = provider
        self._places = places
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
        if not self._places.acquire(timeout=PATIENCE):
            raise SignInError("provider_unavailable", "half of the threads wait for providers")
        try:
            yield
        finally:
            self._places.release()
