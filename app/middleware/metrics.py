"""Counts and times every request."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from app.telemetry.metrics import Metrics
from app.web.environ import NotedStatus, route_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

COUNTED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Each has its own label. Clients can invent other methods, so those share the label OTHER."""


class MetricsMiddleware:
    """Measures the whole WSGI call, so that every outcome is counted. WSGI."""

    def __init__(
        self, app: "WSGIApplication", metrics: Metrics, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        # `labels` takes a lock and makes strings, so its results are kept: one entry a series.
        self._requests: dict[tuple[str, str, str], Counter] = {}
        self._seconds: dict[tuple[str, str], Histogram] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        began = self._clock()
        status = NotedStatus(start_response)
        self._metrics.requests_in_progress.inc()
        try:
            return self._app(environ, status)
        finally:
            self._metrics.requests_in_progress.dec()
            method: str = environ["REQUEST_METHOD"]
            method = method if method in COUNTED_METHODS else "OTHER"
            self._record(method, route_of(environ), status.code, self._clock() - began)

    def _record(self, method: str, route: str, status: str, seconds: float) -> None:
        requests = self._requests.get((method, route, status))
        if requests is None:
            requests = self._metrics.requests.labels(method, route, status)
            self._requests[method, route, status] = requests
        requests.inc()
        durations = self._seconds.get((method, route))
        if durations is None:
            durations = self._seconds[method, route] = self._metrics.request_seconds.labels(method, route)
        durations.observe(seconds)
