"""HTTP towards the provider: every answer bounded in time and size, no redirects."""

import time
from collections.abc import Iterator
from typing import Any

import requests

TIMEOUT = (3.0, 10.0)
"""Seconds to connect, and to wait for each part of the answer."""
TOTAL_TIMEOUT = 10.0
"""Seconds for the whole body."""
MAX_BYTES = 1024 * 1024
"""Far above any discovery document, key set or token answer."""


class ProviderAnswerError(requests.RequestException):
    """The provider's answer is too long, too slow, or not what the protocol says."""


def bound(session: requests.Session) -> requests.Session:
    """Makes every answer to the session obey MAX_BYTES and TOTAL_TIMEOUT, and redirects an error."""
    session.max_redirects = 0
    session.hooks["response"].append(_bound_response)
    return session


def get_json(url: str) -> dict[str, Any]:
    """The JSON object at a URL.

    Raises:
        requests.RequestException: no answer in time, an error status, or no JSON object.
    """
    with bound(requests.Session()) as session:
        response = session.get(url, timeout=TIMEOUT, headers={"Accept": "application/json"})
        response.raise_for_status()
        answer = response.json()
    if not isinstance(answer, dict):
        raise ProviderAnswerError(f"{url} answered no JSON object")
    return answer


class _BoundedBody:
    """A urllib3 response of which only `stream`, the part requests reads by, is needed."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401  # urllib3's response, untyped in requests
        self._raw = raw
        self._deadline = time.monotonic() + TOTAL_TIMEOUT

    def stream(self, amount: int, *, decode_content: bool) -> Iterator[bytes]:
        length = 0
        for chunk in self._raw.stream(amount, decode_content=decode_content):
            length += len(chunk)
            if length > MAX_BYTES:
                raise ProviderAnswerError(f"the answer is longer than {MAX_BYTES} bytes")
            if time.monotonic() > self._deadline:
                raise ProviderAnswerError(f"the answer took longer than {TOTAL_TIMEOUT:.0f} seconds")
            yield chunk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever urllib3 has there
        return getattr(self._raw, name)


def _bound_response(response: requests.Response, **_: object) -> None:
    response.raw = _BoundedBody(response.raw)
