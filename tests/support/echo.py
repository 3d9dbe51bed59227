"""An application that answers with what it was told, and the settings of a gunicorn that runs it.

ECHO_WORKER=app.server.worker.Worker python -m gunicorn --config tests/support/echo.py tests.support.echo:app

With ECHO_LACKS_EPOLL=1 the platform has no epoll.
"""

import json
import os
import select
import selectors
from collections.abc import Iterable
from threading import Event
from typing import Any

from prometheus_client import CollectorRegistry

from app.server.head import MAX_HEAD, MAX_REQUEST_LINE
from app.telemetry.metrics import Metrics
from app.waiting.hub import Hub

if os.environ.get("ECHO_LACKS_EPOLL"):
    # gunicorn reads this file twice: as its settings, and as the application.
    vars(select).pop("epoll", None)
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[misc,assignment]

worker_class = os.environ.get("ECHO_WORKER", "gthread")
http_parser = os.environ.get("ECHO_PARSER", "python")
threads = 8
keepalive = 125
limit_request_line = MAX_REQUEST_LINE
limit_request_field_size = MAX_HEAD
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
control_socket_disable = True

UNTOLD = {"REMOTE_PORT", "SERVER_PORT"}
"""They differ from one connection, and one server, to the next."""


class Echo:
    """Answers with the environ and the body; a path with `unread` leaves the body alone.

    `/wait` answers once somebody has asked for `/tell`.
    """

    def __init__(self) -> None:
        self.stopping = Event()
        self._told = Event()
        self.hub = Hub()
        self.app = self
        self.metrics = Metrics(CollectorRegistry())
        self.security_headers: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        told: dict[str, Any] = {
            name: value
            for name, value in environ.items()
            if name not in UNTOLD and isinstance(value, str | bool | tuple)
        }
        if "unread" not in environ["PATH_INFO"]:
            told["body"] = environ["wsgi.input"].read().decode("latin-1")
        if environ["PATH_INFO"] == "/wait":
            self.hub.in_thread(self._told.wait, 30)
        elif environ["PATH_INFO"] == "/tell":
            self._told.set()
        answer = json.dumps(told, sort_keys=True).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]


app = Echo()
