"""Gives each request an id, which its answer and its log records carry."""

import random
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from app.telemetry.logs import REQUEST_FIELDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, section 3.2: ff is not a version, and version 00 ends with the flags.
_TRACEPARENT = re.compile(
    r"(?!ff|00.{53}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)


class RequestIDMiddleware:
    """Keeps a valid X-Request-ID of the client's, otherwise makes one. WSGI."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        fields = _identifying_fields(environ)

        def start_named(
            status: str,
            headers: list[tuple[str, str]],
            *exc_info: Any,  # noqa: ANN401  # PEP 3333
        ) -> Callable[[bytes], object]:
            headers.append(("X-Request-ID", fields["request_id"]))
            return start_response(status, headers, *exc_info)

        token = REQUEST_FIELDS.set(fields)
        try:
            return self._app(environ, start_named)
        finally:
            REQUEST_FIELDS.reset(token)


def _identifying_fields(environ: "WSGIEnvironment") -> dict[str, str]:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    fields = {"request_id": given if _REQUEST_ID.fullmatch(given) else _new_id()}
    if match := _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")):
        fields["trace_id"], fields["span_id"] = match.groups()
    return fields


def _new_id() -> str:
    """128 random bits in hexadecimal; not a secret. Python seeds `random` anew after a fork."""
    # os.urandom would be a system call, at which another thread may take the GIL.
    return f"{random.getrandbits(128):032x}"
