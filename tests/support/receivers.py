"""What error tracking and tracing send to, on loopback: they keep what they are sent."""

import gzip
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """Answers every POST, and keeps path and uncompressed body.

    Attributes:
        posts: (path, body) of each request.
        status: of the answers; 200 until a test says otherwise.
        is_frozen: set it, and requests are read and not answered.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.status = 200
        self.is_frozen = threading.Event()
        self._thaw = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._take))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thaw.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, path: str, body: bytes) -> int:
        """The status to answer with."""
        self.posts.append((path, body))
        if self.is_frozen.is_set():
            self._thaw.wait(60)
        return self.status


class Collector(Receiver):
    """An OTLP/HTTP receiver of traces."""

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for _, body in self.posts]

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> dict[str, str]:
        """What the first sender says about itself."""
        return attributes(self.requests()[0].resource_spans[0].resource)


class Sentry(Receiver):
    """A receiver of Sentry's envelopes."""

    @property
    def dsn(self) -> str:
        return f"http://public-key@127.0.0.1:{self.port}/42"

    def events(self) -> list[dict[str, Any]]:
        return [event for _, body in self.posts for event in _events(body)]


def attributes(described: Any) -> dict[str, Any]:
    """The attributes of a span or resource as plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in described.attributes}


def _events(envelope: bytes) -> list[dict[str, Any]]:
    _, *lines = envelope.split(b"\n")
    items = zip(lines[::2], lines[1::2], strict=False)
    return [json.loads(payload) for header, payload in items if json.loads(header)["type"] == "event"]


def _handler(take: Callable[[str, bytes], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status = take(self.path, body)
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
