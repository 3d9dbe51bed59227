"""What of error tracking and tracing this process was asked for; nothing is imported that was not."""

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from app.settings.config import Config
from app.settings.places import version

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Extras:
    """To be made after fork, as both send from threads of their own.

    Args:
        config: names the receivers.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._closing = ExitStack()
        if config.sentry_dsn:
            from app.telemetry.error_tracking import ErrorTracking  # noqa: PLC0415  # needs an extra's package

            tracking = ErrorTracking(config.sentry_dsn, release=version(), environment=config.app_env)
            logging.getLogger().addHandler(tracking)
            self._closing.callback(tracking.close)

    def around(self, app: "WSGIApplication") -> "WSGIApplication":
        """The application with a span a request; itself when nobody asked for tracing."""
        if not self._config.otel_endpoint:
            return app
        from app.telemetry.tracing import Tracing, TracingMiddleware  # noqa: PLC0415  # likewise

        tracing = Tracing(self._config.otel_endpoint, release=version(), environment=self._config.app_env)
        self._closing.callback(tracing.close)
        return TracingMiddleware(app, tracing.tracer)

    def close(self) -> None:
        """Hands over what is waiting; takes a few seconds at most, whatever the receivers do."""
        self._closing.close()
