"""One span a request. Needs the extra `otel`."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.web.environ import ROUTE_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TRACE_HEADERS = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
OTEL_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Methods that keep their name; the others are _OTHER (OpenTelemetry's conventions for HTTP)."""


class TracingMiddleware:
    """A server span around each request, named by method and route (OpenTelemetry's HTTP conventions). WSGI.

    It is the outermost layer and puts its span into traceparent, so that log records name this span. The span
    has no path, which may hold personal data.
    """

    def __init__(self, app: "WSGIApplication", tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        carrier = {name: environ[key] for name, key in TRACE_HEADERS.items() if key in environ}
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in OTEL_METHODS else "_OTHER"
        span = self._tracer.start_span(
            method,
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        context = span.get_span_context()
        if context.is_valid:
            environ["HTTP_TRACEPARENT"] = (
                f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
            )
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        def start_noted(
            status_line: str,
            headers: list[tuple[str, str]],
            *exc_info: Any,  # noqa: ANN401  # PEP 3333
        ) -> Callable[[bytes], object]:
            nonlocal status
            status = int(status_line[:3])
            return start_response(status_line, headers, *exc_info)

        try:
            return self._app(environ, start_noted)
        finally:
            _finish(span, method, environ.get(ROUTE_KEY), status)


def _finish(span: Span, method: str, route: str | None, status: int) -> None:
    word = "HTTP" if method == "_OTHER" else method
    span.update_name(f"{word} {route}" if route else word)
    if route:
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
    span.end()
