"""The outermost layer: names the request, times the whole WSGI call, writes its one log line."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import falcon

from app.client_address import ClientAddressFinder
from app.logs import request_fields
from app.models import Client

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE_KEY = "connected_backend.route"
"""Where RouteMiddleware leaves the route's template."""
CLIENT_KEY = "connected_backend.client"
"""Where the client's address is for those inside; absent when there is none."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")

logger = logging.getLogger(__name__)


class RequestLog:
    """Wraps the application; the answer to a failure nobody else caught is `last_resort`'s."""

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        addresses: ClientAddressFinder,
        last_resort: "WSGIApplication",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._last_resort = last_resort
        self._clock = clock

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = self._clock()
        fields = _identifying_fields(environ)
        status = "500"

        def start_named(
            status_line: str,
            headers: list[tuple[str, str]],
            *exc_info: Any,  # noqa: ANN401  # PEP 3333
        ) -> Callable[[bytes], object]:
            nonlocal status
            status = status_line[:3]
            headers.append(("X-Request-ID", fields["request_id"]))
            return start_response(status_line, headers, *exc_info)

        client = self._addresses.find(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"))
        environ[CLIENT_KEY] = str(client) if client else None
        with request_fields(fields):
            try:
                return self._app(environ, start_named)
            except Exception:
                logger.exception("Request error")
                return self._last_resort(environ, start_named)
            finally:
                logger.info(
                    "Request",
                    extra={
                        "method": environ["REQUEST_METHOD"],
                        "route": environ.get(ROUTE_KEY) or "unmatched",
                        "status": int(status),
                        "duration_ms": round((self._clock() - began) * 1000, 3),
                        "client": environ[CLIENT_KEY],
                    },
                )


def client_of(req: falcon.Request) -> Client:
    """Where the request came from, as a session remembers it."""
    agent = req.user_agent
    text = agent.encode("latin-1", "replace").decode("utf-8", "replace") if agent else None
    return Client(ip=req.env.get(CLIENT_KEY), user_agent=text.replace("\0", "")[:512] if text else None)


def _identifying_fields(environ: "WSGIEnvironment") -> dict[str, str]:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    fields = {"request_id": given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex}
    if match := _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")):
        fields["trace_id"], fields["span_id"] = match.groups()
    return fields
