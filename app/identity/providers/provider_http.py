"""HTTP to the provider: answers are bounded in time and size, and redirects are refused."""

import http.client
import io
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import LocationValueError

TIMEOUT = (3.0, 10.0)
"""Seconds to connect, and to wait for each part of the answer."""
TOTAL_TIMEOUT = 10.0
"""Seconds for the whole answer."""
MAX_BYTES = 1024 * 1024
"""Far more than any discovery document, key set or token answer."""


JSON = "application/json"


class ProviderAnswerError(requests.RequestException):
    """The provider's answer is too long, or not what the protocol allows."""


def bound(session: requests.Session) -> requests.Session:
    """Bounds each answer by MAX_BYTES and TOTAL_TIMEOUT, and makes a redirect an error."""
    session.mount("http://", _Adapter())
    session.mount("https://", _Adapter())
    session.hooks["response"].append(_bound_response)
    return session


def get(url: str, *, accept: str = JSON, bearer: str | None = None) -> requests.Response:
    """The answer at a URL.

    Args:
        url: the provider's.
        accept: the media types that are understood.
        bearer: an access token.

    Raises:
        requests.RequestException: no answer in time, or an error status.
    """
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    with bound(requests.Session()) as session:
        response = session.get(url, timeout=TIMEOUT, headers=headers)
        response.raise_for_status()
        return response


def get_json(url: str) -> dict[str, Any]:
    """The JSON object at a URL.

    Raises:
        requests.RequestException: no answer in time, an error status, or no JSON object.
    """
    return json_object(get(url))


def json_object(response: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        ProviderAnswerError: the body is something else.
    """
    answer = json_value(response)
    if not isinstance(answer, dict):
        raise ProviderAnswerError("the answer is no JSON object")
    return answer


def json_value(response: requests.Response) -> object:
    """The JSON in an answer.

    Raises:
        ProviderAnswerError: the body is something else.
    """
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise ProviderAnswerError(f"the answer is not JSON: {error}") from error


class _TimedReader(io.RawIOBase):
    """Reads a socket until a deadline. A socket's own timeout starts again with each byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + TOTAL_TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  # a writable buffer
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError(f"the answer took longer than {TOTAL_TIMEOUT:.0f} seconds")
        self._socket.settimeout(seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # passed on
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedHTTPConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedHTTPSConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Adapter(HTTPAdapter):
    """Applies the deadline to the status line and the headers, too."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # passed on
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _TimedHTTPSConnection if pool.scheme == "https" else _TimedHTTPConnection
        return pool

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401  # passed on
        try:
            return super().send(request, *arguments, **options)
        except LocationValueError as error:
            # requests does not convert this error, which hosts such as a..b cause.
            raise requests.exceptions.InvalidURL(str(error), request=request) from error


class _BoundedBody:
    """A urllib3 response whose `stream`, which requests reads by, is bounded."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401  # urllib3's response, untyped in requests
        self._raw = raw

    def stream(self, amount: int, *, decode_content: bool) -> Iterator[bytes]:
        length = 0
        for chunk in self._raw.stream(amount, decode_content=decode_content):
            length += len(chunk)
            if length > MAX_BYTES:
                raise ProviderAnswerError(f"the answer is longer than {MAX_BYTES} bytes")
            yield chunk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever urllib3 has there
        return getattr(self._raw, name)


def _bound_response(response: requests.Response, **_: object) -> None:
    response.raw = _BoundedBody(response.raw)
    response.encoding = "utf-8"  # JSON is always UTF-8 (RFC 8259, section 8.1)
    if 300 <= response.status_code < 400:  # noqa: PLR2004  # the redirects
        response.close()
        raise ProviderAnswerError(f"{response.url} answered with a redirect")
