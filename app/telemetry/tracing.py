"""One span a request, told to an OpenTelemetry collector. Needs the extra `otel`."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.telemetry.delivery import Delivery
from app.web.environ import ROUTE_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CLOSE_SECONDS = 2.0
TRACE_HEADERS = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
KNOWN_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
FIRST_SERVER_ERROR = 500


class Tracing:
    """Hands spans over in the background. The variables of the OpenTelemetry SDK apply.

    Args:
        endpoint: the collector's base URL; OTLP/HTTP's own path for traces is appended.
        release: this version's number.
        environment: APP_ENV's value.
    """

    def __init__(self, endpoint: str, *, release: str, environment: str) -> None:
        own = Resource.create(
            {
                "service.name": "connected-backend",
                "service.version": release,
                "deployment.environment.name": environment,
            }
        )
        # By itself, `create` lets its arguments win over OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
        resource = own.merge(OTELResourceDetector().detect())
        exporter = _Exporter(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("connected-backend", release)

    def close(self) -> None:
        """Hands over what is waiting, for 2 s at most: the SDK itself would wait for half a minute."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


class TracingMiddleware:
    """A server span around each request, named by method and route (OpenTelemetry's HTTP conventions).

    Goes outermost and puts its span into the traceparent, so that log records name this span, and what
    is inside knows nothing of tracing. The path stays out: it may hold anything.
    """

    def __init__(self, app: "WSGIApplication", tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        carrier = {name: environ[key] for name, key in TRACE_HEADERS.items() if key in environ}
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in KNOWN_METHODS else "_OTHER"
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
        status = 500

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
    if status >= FIRST_SERVER_ERROR:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)
    span.end()


class _Exporter(SpanExporter):
    """Another exporter, and one line in the log when it fails, where the SDK would write one an attempt."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._delivery = Delivery("Traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivery.succeeded()
        else:
            self._delivery.failed()
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
