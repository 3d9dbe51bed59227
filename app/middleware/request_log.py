"""Writes one log line a request."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from app.telemetry.logs import json_line
from app.web.client_address import ClientAddressFinder
from app.web.environ import CLIENT_KEY, NotedStatus, client_address, route_of

if TYPE_CHECKING:
    from _typeshed import SupportsWrite
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)
MESSAGE = "Request"


def log_record(fields: Mapping[str, object]) -> None:
    """Logs the request's line as an ordinary record."""
    logger.info(MESSAGE, extra=fields)


class JSONLines:
    """Writes the same line without a logging record, which would take twice as long as the line.

    Args:
        stream: takes whole lines from any thread.
    """

    def __init__(self, stream: "SupportsWrite[str]") -> None:
        self._stream = stream

    def __call__(self, fields: Mapping[str, object]) -> None:
        if logger.isEnabledFor(logging.INFO):
            self._stream.write(json_line(time.time(), "info", MESSAGE, logger.name, fields) + "\n")


class RequestLogMiddleware:
    """Finds the client's address, times the whole WSGI call, then writes the line. WSGI."""

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        addresses: ClientAddressFinder,
        log: Callable[[Mapping[str, object]], None] = log_record,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._log = log
        self._clock = clock

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = self._clock()
        status = NotedStatus(start_response)
        environ[CLIENT_KEY] = self._addresses.find(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR")
        )
        try:
            return self._app(environ, status)
        finally:
            address = client_address(environ)
            self._log(
                {
                    "method": environ["REQUEST_METHOD"],
                    "route": route_of(environ),
                    "status": int(status.code),
                    "duration_ms": round((self._clock() - began) * 1000, 3),
                    "client": str(address) if address else None,
                }
            )
