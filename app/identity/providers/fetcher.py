"""Documents that a provider publishes: fetched by one thread, and a failure is not tried again at once."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests

from app.errors import SignInError
from app.identity.providers.provider_http import get_json

Content = TypeVar("Content")

RETRY_PAUSE = 5.0
"""Seconds in which a failure is reported again without asking, so that no threads queue for the provider."""


class Fetcher:
    """Fetches one JSON document, and repeats a failure for RETRY_PAUSE. Its owner holds a lock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failed_at = float("-inf")
        self._failure = ""

    def fetch(self, read: Callable[[dict[str, Any]], Content]) -> Content:
        """What `read` makes of the document.

        Args:
            read: raises SignInError where the document is of no use, which is a failure like any other.

        Raises:
            SignInError: provider_unavailable.
        """
        if time.monotonic() - self._failed_at < RETRY_PAUSE:
            raise SignInError("provider_unavailable", f"{self._failure} (a moment ago)")
        try:
            return read(get_json(self._url))
        except (requests.RequestException, SignInError) as error:
            self._failed_at = time.monotonic()
            self._failure = f"{self._url}: {error.cause if isinstance(error, SignInError) else error}"
            raise SignInError("provider_unavailable", self._failure) from error
