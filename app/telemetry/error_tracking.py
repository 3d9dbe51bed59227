"""Sends unexpected errors to Sentry. Needs the extra `sentry`."""

import logging
from http import HTTPStatus
from typing import Any

import sentry_sdk
from sentry_sdk.utils import event_from_exception

from app.telemetry.delivery import DeliveryLog
from app.telemetry.logs import REQUEST_FIELDS

CLOSE_SECONDS = 2.0
SEND_SECONDS = 10
TAGS = ("request_id", "method", "route")
"""Fields of a record and its request that become tags, to search errors by."""


class ErrorTracking(logging.Handler):
    """Sends each error record with an exception: the stack, and the request's id and route.

    It uses none of the SDK's integrations, as they collect headers, bodies, addresses, queries and variables.

    Args:
        dsn: Sentry's URL with the key.
        release: this version's number.
        environment: APP_ENV's value.
    """

    def __init__(self, dsn: str, *, release: str, environment: str) -> None:
        super().__init__(level=logging.ERROR)
        self._client = sentry_sdk.Client(
            dsn=dsn,
            release=f"connected-backend@{release}",
            environment=environment,
            transport=_Transport,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
            spotlight=False,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            in_app_include=["app"],
        )

    def emit(self, record: logging.LogRecord) -> None:
        if not record.exc_info or record.exc_info[1] is None:
            return
        try:
            self._client.capture_event(self._event(record))
        except Exception:  # noqa: BLE001  # a logging handler must not raise
            self.handleError(record)

    def close(self) -> None:
        """Waits up to 2 s until everything is sent."""
        self._client.close(timeout=CLOSE_SECONDS)
        super().close()

    def _event(self, record: logging.LogRecord) -> Any:  # noqa: ANN401  # the SDK's own dictionary
        event, _ = event_from_exception(
            record.exc_info or (None, None, None),
            client_options=self._client.options,
            mechanism={"type": "logging", "handled": True},
        )
        request = REQUEST_FIELDS.get()
        fields = {**vars(record), **request}
        event["logger"] = record.name
        event["tags"] = {tag: str(fields[tag]) for tag in TAGS if tag in fields}
        if "route" in fields:
            event["transaction"] = str(fields["route"])
        if "trace_id" in request:
            event["contexts"] = {"trace": {name: request[name] for name in ("trace_id", "span_id")}}
        return event


class _Transport(sentry_sdk.HttpTransport):
    """Logs once that Sentry is away, and once that it is back. The SDK logs nothing."""

    TIMEOUT = SEND_SECONDS

    def __init__(self, options: Any) -> None:  # noqa: ANN401  # the SDK's own signature
        super().__init__(options)
        self._delivery = DeliveryLog("Errors")

    def on_dropped_event(self, _reason: str) -> None:
        self._delivery.failed()

    def _handle_response(self, response: Any, envelope: Any) -> None:  # noqa: ANN401  # the SDK's own signature
        super()._handle_response(response, envelope)
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            self._delivery.succeeded()
