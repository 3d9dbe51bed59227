"""Spans as a collector gets them from the real service."""

import json
import re
import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.live_session import insert_live_session
from tests.support.receivers import Collector, attributes
from tests.support.service import Service, free_port
from tests.support.waiting import until

MakeService = Callable[..., Service]

OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_EXPORTER_OTLP_TIMEOUT": "1", "WEB_CONCURRENCY": "1"}
RARELY = {**OFTEN, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
"""Spans wait for the end of the worker."""
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STOP_LIMIT = 20
"""Seconds; the SDK by itself would wait for 30."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def traced(make_service: MakeService, endpoint: str, **environ: str) -> Service:
    service = make_service(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, RATE_LIMIT="1000000/second", **environ)
    service.wait_until_serving()
    return service


def span_of(collector: Collector, request_id: str, service: Service) -> Span:
    """The span that the request's log record names, once it is delivered."""

    def found() -> Span | None:
        [record] = [record for record in service.records() if record.get("request_id") == request_id]
        matching = [span for span in collector.spans() if span.span_id.hex() == record["span_id"]]
        assert len(matching) <= 1
        assert not matching or matching[0].trace_id.hex() == record["trace_id"]
        return matching[0] if matching else None

    span = until(found, seconds=15, what=f"the span of {request_id}")
    assert span
    return span


def test_each_request_is_one_span_that_its_log_record_names(
    make_service: MakeService, collector: Collector
) -> None:
    service = traced(make_service, collector.url + "/", **OFTEN)
    for request_id, path in {"known": "/auth/session?code=secret", "unknown": "/secret-path"}.items():
        requests.get(service.url + path, headers={"X-Request-ID": request_id}, timeout=5)
    known, unknown = (span_of(collector, name, service) for name in ("known", "unknown"))
    assert (known.name, known.kind, known.parent_span_id) == (
        "GET /auth/session",
        Span.SPAN_KIND_SERVER,
        b"",
    )
    assert attributes(known) == {
        "http.request.method": "GET",
        "http.route": "/auth/session",
        "http.response.status_code": 200,
    }
    assert unknown.name == "GET"
    assert attributes(unknown) == {"http.request.method": "GET", "http.response.status_code": 404}
    assert known.end_time_unix_nano > known.start_time_unix_nano
    assert {path for path, _ in collector.posts} == {"/v1/traces"}
    assert not any(b"secret" in body for _, body in collector.posts)
    resource = collector.resource()
    assert resource["service.name"] == "connected-backend"
    assert resource["deployment.environment.name"] == "production"
    assert re.fullmatch(r"\d+\.\d+\.\d+", resource["service.version"])


def test_the_service_is_called_what_otel_service_name_says(
    make_service: MakeService, collector: Collector
) -> None:
    traced(make_service, f"{collector.url}/base", OTEL_SERVICE_NAME="sign-in", **OFTEN)
    until(lambda: collector.posts, seconds=15, what="spans")
    assert collector.resource()["service.name"] == "sign-in"
    assert collector.posts[0][0] == "/base/v1/traces"


def test_a_valid_traceparent_is_the_parent_and_any_other_begins_a_trace(
    make_service: MakeService, collector: Collector
) -> None:
    service = traced(make_service, collector.url, **OFTEN)
    given = {
        "valid": f"00-{TRACE}-{PARENT}-01",
        "newer": f"01-{TRACE}-{PARENT}-01-more",
        "zeros": f"00-{'0' * 32}-{PARENT}-01",
        "longer": f"00-{TRACE}-{PARENT}-01-more",
        "endless": "x" * 600,
    }
    for request_id, traceparent in given.items():
        headers = {"X-Request-ID": request_id, "Traceparent": traceparent, "Tracestate": "=,;bad"}
        requests.get(f"{service.url}/", headers=headers, timeout=5)
    spans = {name: span_of(collector, name, service) for name in given}
    parents = {name: (span.trace_id.hex(), span.parent_span_id.hex()) for name, span in spans.items()}
    assert parents["valid"] == parents["newer"] == (TRACE, PARENT)
    for name in ("zeros", "longer", "endless"):
        assert parents[name][0] != TRACE
        assert parents[name][1] == ""
    assert not [record for record in service.records() if record["level"] == "warning"]


def test_an_unsampled_traceparent_is_logged_and_not_delivered(
    make_service: MakeService, collector: Collector
) -> None:
    service = traced(make_service, collector.url, **OFTEN)
    for request_id, flags in {"unsampled": "00", "sampled": "01"}.items():
        headers = {"X-Request-ID": request_id, "Traceparent": f"00-{TRACE}-{PARENT}-{flags}"}
        requests.get(f"{service.url}/", headers=headers, timeout=5)
    span_of(collector, "sampled", service)
    [record] = [record for record in service.records() if record.get("request_id") == "unsampled"]
    assert record["trace_id"] == TRACE
    assert record["span_id"] not in {span.span_id.hex() for span in collector.spans()}


def test_an_unexpected_error_marks_its_span(
    make_service: MakeService, collector: Collector, database_url: str
) -> None:
    service = traced(make_service, collector.url, **OFTEN)
    headers = insert_live_session(database_url) | {"X-Request-ID": "failed"}
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE sessions RENAME TO gone")
    assert requests.get(f"{service.url}/auth/session", headers=headers, timeout=5).status_code == 500
    until(lambda: "failed" in service.output, seconds=5, what="its log records")
    failed = [record for record in service.records() if record.get("request_id") == "failed"]
    assert [record["message"] for record in failed] == ["Request error", "Request"]
    assert failed[0]["span_id"] == failed[1]["span_id"]

    def found() -> list[Span]:
        return [span for span in collector.spans() if span.span_id.hex() == failed[0]["span_id"]]

    [span] = until(found, seconds=15, what="its span")
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "500"
    assert not span.events, "an exception's text would be in there"


def test_what_is_waiting_is_delivered_when_the_worker_ends(
    make_service: MakeService, collector: Collector
) -> None:
    service = traced(make_service, collector.url, **RARELY)
    for _ in range(20):
        requests.get(f"{service.url}/", timeout=5)
    assert collector.posts == []
    service.signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT) == 0
    assert [span.name for span in collector.spans()].count("GET /") == 20


def test_a_collector_that_is_away_is_told_of_once_and_once_when_it_is_back(
    make_service: MakeService,
) -> None:
    port = free_port()
    service = traced(make_service, f"http://127.0.0.1:{port}", **OFTEN)

    def said(words: str) -> int:
        return sum(words in message for message in service.messages())

    def serve_until(condition: Callable[[], object]) -> None:
        def serves() -> bool:
            assert requests.get(f"{service.url}/", timeout=5).status_code == 200
            return bool(condition())

        until(serves, seconds=30, what="what is waited for")

    serve_until(lambda: said("Traces cannot be delivered"))
    with Collector(port=port) as collector:
        collector.status = 400
        serve_until(lambda: len(collector.posts) > 5)
        collector.status = 200
        serve_until(lambda: said("Traces are delivered again"))
    assert said("Traces cannot be delivered") == 1
    assert {record["logger"] for record in service.records() if record["level"] != "info"} == {
        "app.telemetry.delivery"
    }


@pytest.mark.parametrize("environ", [OFTEN, RARELY], ids=["while serving", "at the end"])
def test_a_frozen_collector_slows_no_request_and_holds_up_no_stop(
    make_service: MakeService, collector: Collector, environ: dict[str, str]
) -> None:
    collector.is_frozen.set()
    # As long as the SDK would wait by itself.
    service = traced(make_service, collector.url, **environ | {"OTEL_EXPORTER_OTLP_TIMEOUT": "30"})
    if environ is OFTEN:
        until(lambda: collector.posts, seconds=15, what="the collector to be asked")
    with requests.Session() as session:
        for _ in range(200):
            assert session.get(f"{service.url}/", timeout=5).status_code == 200
    service.signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT) == 0
    json.loads(service.lines[-1])
