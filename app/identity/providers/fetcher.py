"""Documents that a provider publishes: fetched by one thread, and a failure is not tried again at once."""

import time
from typing import Any

import requests

from app.errors import SignInError
from app.identity.providers.provider_http import get_json

RETRY_PAUSE = 5.0
"""Seconds in which a failure is reported again without asking, so that no threads queue for the provider."""


class Fetcher:
    """Fetches one JSON document, and repeats a failure for RETRY_PAUSE. Its owner holds a lock."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._failed_at = float("-inf")
        self._failure = ""

    def fetch(self) -> dict[str, Any]:
        """The document.

        Raises:
            SignInError: provider_unavailable.
        """
        if time.monotonic() - self._failed_at < RETRY_PAUSE:
            raise SignInError("provider_unavailable", f"{self._failure} (a moment ago)")
        try:
            return get_json(self._url)
        except requests.RequestException as error:
            self._failed_at = time.monotonic()
            self._failure = f"{self._url}: {error}"
            raise SignInError("provider_unavailable", self._failure) from error
