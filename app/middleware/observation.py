"""Observes each request in one pass: its id, its client, its log line and its metrics."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import Counter, Histogram

from app.telemetry.logs import REQUEST_FIELDS, json_members, timestamp
from app.telemetry.metrics import Metrics
from app.web.client_address import ClientAddressFinder
from app.web.environ import CLIENT_KEY, PROBLEM_KEY, UNMATCHED, route_of
from app.web.problems import INTERNAL_ERROR, PROBLEM_JSON, problem

if TYPE_CHECKING:
    from _typeshed import SupportsWrite
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MESSAGE = "Request"
COUNTED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Each has its own label. Clients can invent other methods, so those share the label OTHER."""
MAX_PATH_LENGTH = 200

# What browsers send (RFC 6454, section 7); other text is not for the log.
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]{0,20}://[A-Za-z0-9.:\[\]-]{1,260}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, section 3.2: ff is not a version, and version 00 ends with the flags.
_TRACEPARENT = re.compile(
    r"(?!ff|00.{53}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)

logger = logging.getLogger(__name__)


class Line(NamedTuple):
    """What the log says about a request.

    Attributes:
        code: of the refusal that was the answer.
        origin: of the page that asked; told with a code alone.
        path: that no route matches; None where one does.
    """

    method: str
    route: str
    status: int
    duration_ms: float
    client: str | None
    code: str | None = None
    origin: str | None = None
    path: str | None = None

    def reason(self) -> dict[str, str]:
        """The fields that only a refused request has."""
        return {name: value for name, value in (("code", self.code), ("origin", self.origin)) if value}


def log_record(line: Line) -> None:
    """Logs a request's line as an ordinary record."""
    always = dict(zip(Line._fields[:5], line[:5], strict=True))
    logger.info(MESSAGE, extra={**always, **line.reason()})


def log_record_with_path(line: Line) -> None:
    """Logs the same with a path that no route matches: in development it is often misspelt."""
    log_record(line._replace(route=line.path or line.route))


class JSONLines:
    """Writes the same line without a logging record, which would take several times as long.

    Args:
        stream: takes whole lines from any thread.
    """

    def __init__(self, stream: "SupportsWrite[str]") -> None:
        self._stream = stream
        self._constant = json_members({"level": "info", "message": MESSAGE, "logger": logger.name})
        self._series: dict[tuple[str, str, int], str] = {}

    def __call__(self, line: Line) -> None:
        if not logger.isEnabledFor(logging.INFO):
            return
        series = self._series.get(line[:3])
        if series is None:
            series = json_members({"method": line.method, "route": line.route, "status": line.status})
            if line.method in COUNTED_METHODS:
                self._series[line[:3]] = series
        # Ids and addresses have no character that JSON escapes.
        ids = "".join([f'"{name}": "{value}", ' for name, value in REQUEST_FIELDS.get().items()])
        client = f'"{line.client}"' if line.client else "null"
        reason = f", {json_members(line.reason())}" if line.code else ""
        self._stream.write(
            f'{{"time": "{timestamp(time.time())}", {self._constant}, {ids}{series}, '
            f'"duration_ms": {line.duration_ms}, "client": {client}{reason}}}\n'
        )


class ObservationMiddleware:
    """Surrounds the whole application, so that each request has one line and is counted once. WSGI.

    An exception that the framework let through becomes the same 500 as one in a resource.

    Args:
        app: the application.
        addresses: finds the client's address.
        metrics: count and time requests.
        headers: the answer gets those that it has not set.
        log_request: writes the line.
        clock: seconds, for durations.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        addresses: ClientAddressFinder,
        metrics: Metrics,
        headers: Mapping[str, str],
        log_request: Callable[[Line], None] = log_record,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._metrics = metrics
        # Falcon writes names in lower case.
        self._headers = tuple((name.lower(), value) for name, value in headers.items())
        self._names = frozenset(name for name, _ in self._headers)
        self._log_request = log_request
        self._clock = clock
        # `labels` takes a lock and makes strings, so its results are kept: one entry a series.
        self._series: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = self._clock()
        fields = _identifying_fields(environ)
        address = self._addresses.find(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"))
        environ[CLIENT_KEY] = address
        status = "500"

        def start_completed(
            status_line: str,
            headers: list[tuple[str, str]],
            *exc_info: Any,  # noqa: ANN401  # PEP 3333
        ) -> Callable[[bytes], object]:
            nonlocal status
            status = status_line[:3]
            if self._names.isdisjoint([name for name, _ in headers]):
                headers += self._headers
            else:
                set_names = {name for name, _ in headers}
                headers += [header for header in self._headers if header[0] not in set_names]
            headers.append(("X-Request-ID", fields["request_id"]))
            return start_response(status_line, headers, *exc_info)

        token = REQUEST_FIELDS.set(fields)
        self._metrics.requests_in_progress.inc()
        try:
            return self._app(environ, start_completed)
        except Exception:
            extra = {"method": environ["REQUEST_METHOD"], "route": route_of(environ)}
            logger.exception("Request error", extra=extra)
            environ[PROBLEM_KEY] = INTERNAL_ERROR[1]
            return _internal_error(start_completed)
        finally:
            self._metrics.requests_in_progress.dec()
            method, route = environ["REQUEST_METHOD"], route_of(environ)
            seconds = self._clock() - began
            self._count(method if method in COUNTED_METHODS else "OTHER", route, status, seconds)
            client = address.text if address else None
            line = Line(method, route, int(status), round(seconds * 1000, 3), client)
            if code := environ.get(PROBLEM_KEY):
                origin = environ.get("HTTP_ORIGIN", "")
                line = line._replace(code=code, origin=origin if _ORIGIN.fullmatch(origin) else None)
            if route == UNMATCHED:
                line = line._replace(path=_text_of(environ.get("PATH_INFO", "")))
            self._log_request(line)
            REQUEST_FIELDS.reset(token)

    def _count(self, method: str, route: str, status: str, seconds: float) -> None:
        series = self._series.get((method, route, status))
        if series is None:
            series = self._series[method, route, status] = (
                self._metrics.requests.labels(method, route, status),
                self._metrics.request_seconds.labels(method, route),
            )
        series[0].inc()
        series[1].observe(seconds)


def _identifying_fields(environ: "WSGIEnvironment") -> dict[str, str]:
    given = environ.get("HTTP_X_REQUEST_ID")
    fields = {"request_id": given if given and _REQUEST_ID.fullmatch(given) else _new_id()}
    parent = environ.get("HTTP_TRACEPARENT")
    if parent and (match := _TRACEPARENT.fullmatch(parent)):
        fields["trace_id"], fields["span_id"] = match.groups()
    return fields


def _text_of(path: str) -> str:
    """PEP 3333 has the bytes of a path as latin-1."""
    return path.encode("latin-1", "replace").decode("utf-8", "replace")[:MAX_PATH_LENGTH]


def _new_id() -> str:
    """128 random bits in hexadecimal; not a secret. Python seeds `random` anew after a fork."""
    # os.urandom would be a system call, at which another thread may take the GIL.
    return f"{random.getrandbits(128):032x}"


def _internal_error(start_response: "StartResponse") -> Iterable[bytes]:
    body = problem(*INTERNAL_ERROR)
    headers = [("content-type", PROBLEM_JSON), ("content-length", str(len(body))), ("vary", "Origin")]
    start_response("500 Internal Server Error", headers)
    return [body]
