"""Bounds how many threads of a worker wait for providers: a call may take ten seconds."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import ParamSpec, TypeVar

from app.errors import ProviderUnavailableError, SignInError
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.models import LogoutRequest, Profile
from app.waiting.bulkhead import Bulkhead, BulkheadFullError
from app.waiting.hub import Hub

Result = TypeVar("Result")
Params = ParamSpec("Params")

PATIENCE = 1.0
"""Seconds that a request waits for a place, in all bulkheads together."""
QUEUE_SECONDS = 10.0
"""How long it may queue before that."""


class PatientProvider(Provider):
    """Asks a provider once there is a place.

    Args:
        provider: who is asked.
        queue: few requests at a time get beyond it, so that a crowd loses no patience while calls are quick.
        bulkheads: entered in this order.
        hub: where requests wait.
    """

    def __init__(
        self, provider: Provider, *, queue: Bulkhead, bulkheads: Sequence[Bulkhead], hub: Hub
    ) -> None:
        self.name = provider.name
        self.label = provider.label
        self._provider = provider
        self._queue = queue
        self._bulkheads = bulkheads
        self._hub = hub

    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        return self._ask(self._provider.authorization_url, attempt, asks_person=asks_person)

    def check_issuer(self, issuer: str | None) -> None:
        self._ask(self._provider.check_issuer, issuer)

    def profile(self, attempt: Attempt, *, code: str) -> Profile:
        return self._ask(self._provider.profile, attempt, code=code)

    def owns(self, issuer: str) -> bool:
        return self._provider.owns(issuer)

    def logout_url(self, return_to: str) -> str | None:
        try:
            return self._ask(self._provider.logout_url, return_to)
        except SignInError:
            return None

    def read_logout_token(self, token: str) -> LogoutRequest:
        try:
            return self._ask(self._provider.read_logout_token, token)
        except SignInError as error:
            raise ProviderUnavailableError(error.cause) from error

    def _ask(self, call: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs) -> Result:
        """Calls the provider in a thread, once there is a place."""
        with ExitStack() as held:
            try:
                held.callback(self._queue.leave, self._queue.enter(time.monotonic() + QUEUE_SECONDS))
                until = time.monotonic() + PATIENCE
                for bulkhead in self._bulkheads:
                    held.callback(bulkhead.leave, bulkhead.enter(until))
            except BulkheadFullError as error:
                raise SignInError("provider_unavailable", "too many threads wait for providers") from error
            return self._hub.in_thread(call, *args, **kwargs)
