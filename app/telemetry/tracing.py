"""Sends spans to an OpenTelemetry collector. Needs the extra `otel`."""

import threading
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from app.telemetry.delivery import DeliveryLog

CLOSE_SECONDS = 2.0


class Tracing:
    """Sends spans in the background. The variables of the OpenTelemetry SDK apply.

    Args:
        endpoint: the collector's base URL, without OTLP/HTTP's path for traces.
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
        # `create` alone would override OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
        resource = own.merge(OTELResourceDetector().detect())
        exporter = _Exporter(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("connected-backend", release)

    def close(self) -> None:
        """Sends the waiting spans, for 2 s at most; the SDK itself would wait for half a minute."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


class _Exporter(SpanExporter):
    """Wraps an exporter. Logs the first failure only, where the SDK would log each attempt."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._delivery = DeliveryLog("Traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivery.succeeded()
        else:
            self._delivery.failed()
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
