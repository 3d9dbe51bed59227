"""Error tracking and tracing. Nothing is imported unless its variable is set."""

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from app.settings.config import Config
from app.settings.places import version

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class Exporters:
    """Starts what the configuration names. Make it after the fork, as both send from threads of their own.

    Attributes:
        tracer: makes spans; None without OTEL_EXPORTER_OTLP_ENDPOINT.
    """

    def __init__(self, config: Config) -> None:
        self._closing = ExitStack()
        self.tracer: Tracer | None = None
        release = version()
        if config.sentry_dsn:
            from app.telemetry.error_tracking import ErrorTracking  # noqa: PLC0415  # needs an extra

            tracking = ErrorTracking(config.sentry_dsn, release=release, environment=config.app_env)
            logging.getLogger().addHandler(tracking)
            self._closing.callback(tracking.close)
        if config.otel_endpoint:
            from app.telemetry.tracing import Tracing  # noqa: PLC0415  # needs an extra

            tracing = Tracing(config.otel_endpoint, release=release, environment=config.app_env)
            self._closing.callback(tracing.close)
            self.tracer = tracing.tracer

    def close(self) -> None:
        """Sends what is waiting. Takes a few seconds at most, whatever the receivers do."""
        self._closing.close()
