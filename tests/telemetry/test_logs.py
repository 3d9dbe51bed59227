"""Log lines: each parses, none breaks, none tells a secret."""

import io
import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from app.middleware.observation import (
    JSONLines,
    Line,
    ObservationMiddleware,
    log_record,
    log_record_with_path,
)
from app.telemetry.logs import ConsoleFormatter, JSONFormatter, request_fields, rfc3339, timestamp
from app.telemetry.metrics import Metrics
from app.web.client_address import ClientAddressFinder
from tests.support.service import Process


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"msg": message, "levelno": logging.INFO, "levelname": "INFO", "name": "app"}
    )
    made.__dict__.update(fields)
    return made


@given(text=st.text(), key=st.text())
def test_any_text_is_one_line_that_parses_to_itself(text: str, key: str) -> None:
    line = JSONFormatter().format(record("%s", args=(text,), field={key: text}))
    assert len(line.encode("utf-8", "backslashreplace").decode().splitlines()) == 1
    parsed = json.loads(line)
    assert parsed["message"] == text
    assert parsed["field"] == {key: text}


def test_words_people_grep_for_are_not_escaped() -> None:
    assert '"message": "🔍 Zoë"' in JSONFormatter().format(record("🔍 Zoë"))


def test_a_record_carries_its_request_and_its_own_fields() -> None:
    with request_fields({"request_id": "abc"}):
        parsed = json.loads(JSONFormatter().format(record("Request", status=200)))
    assert (parsed["request_id"], parsed["status"], parsed["level"]) == ("abc", 200, "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", parsed["time"])
    assert "request_id" not in json.loads(JSONFormatter().format(record("later")))


def test_an_exception_is_a_field_not_more_lines() -> None:
    error = ValueError("bad\nthing")
    line = JSONFormatter().format(record("Request error", exc_info=(ValueError, error, None)))
    assert len(line.splitlines()) == 1
    assert "ValueError: bad\nthing" in json.loads(line)["exception"]


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\rb"])
def test_the_console_shows_no_raw_control_characters(text: str) -> None:
    line = ConsoleFormatter().format(record(text, field=text))
    assert line.isprintable()


def test_moments_are_rfc_3339_in_utc_with_milliseconds() -> None:
    assert timestamp(1762173296.7894) == "2025-11-03T12:34:56.789Z"
    assert rfc3339(datetime(2025, 1, 2, tzinfo=UTC)) == "2025-01-02T00:00:00.000Z"


def test_the_console_tells_a_request_in_short_and_why_it_was_refused_first() -> None:
    request = {"method": "POST", "route": "/auth/logout", "duration_ms": 0.418, "client": "::1"}
    reason = {"origin": "http://localhost:8000", "code": "origin_not_allowed"}
    with request_fields({"request_id": "abc"}):
        served = ConsoleFormatter().format(record("Request", **request, status=204))
        refused = ConsoleFormatter().format(record("Request", **request, status=403, **reason))
        failed = ConsoleFormatter().format(
            record("Sign-in failed", event="x", user_id=None, code="invalid_state")
        )
    assert served[9:] == "INFO    POST /auth/logout 204 0.418 ms"
    assert refused[9:] == (
        "INFO    POST /auth/logout 403 0.418 ms  code=origin_not_allowed  origin=http://localhost:8000  "
        "request_id=abc"
    )
    assert failed[9:] == "INFO    Sign-in failed  code=invalid_state  event=x  request_id=abc"


@pytest.mark.parametrize("code", [None, "origin_not_allowed"])
@pytest.mark.parametrize("method", ["GET", 'B"R\\EW\u2028'])
@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8::7", None])
@pytest.mark.parametrize(
    "ids", [{"request_id": "a.b_c-1"}, {"request_id": "1", "trace_id": "f", "span_id": "0"}]
)
def test_the_line_of_a_request_is_that_of_its_record(
    caplog: pytest.LogCaptureFixture, method: str, client: str | None, ids: dict[str, str], code: str | None
) -> None:
    """In production it is written without the record, which costs more than the line."""
    origin = 'http://"\u2028' if code else None
    request = Line(method, "/", 200, 0.5, client, code, origin)
    stream = io.StringIO()
    with caplog.at_level(logging.INFO), request_fields(ids):
        JSONLines(stream)(request)
        log_record(request)
        as_record = json.loads(JSONFormatter().format(caplog.records[-1]))
    [line] = stream.getvalue().splitlines()
    written = json.loads(line)
    assert written.pop("time")[:17] == as_record.pop("time")[:17]
    assert written == as_record
    assert list(written) == list(as_record)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/auth/sesion", "/auth/sesion"),
        ("/caf\u00c3\u00a9", "/caf\u00e9"),
        ("/\x1b[2J\xff", "/\\u001b[2J\\ufffd"),
        ("/" + "x" * 300, "/" + "x" * 199),
    ],
    ids=["ascii", "UTF-8", "escapes", "long"],
)
def test_the_console_of_development_names_an_unknown_path(
    caplog: pytest.LogCaptureFixture, path: str, told: str
) -> None:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return []

    observed = ObservationMiddleware(
        app,
        addresses=ClientAddressFinder(()),
        metrics=Metrics(CollectorRegistry()),
        headers={},
        log_request=log_record_with_path,
    )
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "REMOTE_ADDR": "127.0.0.1"}
    with caplog.at_level(logging.INFO):
        observed(environ, lambda *_: lambda _: None)
    assert f"INFO    GET {told} 404 " in ConsoleFormatter().format(caplog.records[-1])


def test_a_higher_level_leaves_out_requests(caplog: pytest.LogCaptureFixture) -> None:
    stream = io.StringIO()
    with caplog.at_level(logging.WARNING):
        JSONLines(stream)(Line("GET", "/", 200, 0.1, None))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("app_env", "log_format", "is_json"),
    [
        ("development", "", False),
        ("development", "json", True),
        ("production", "", True),
        ("production", "console", False),
    ],
)
def test_a_fault_of_the_configuration_is_told_in_the_format_asked_for(
    app_env: str, log_format: str, *, is_json: bool
) -> None:
    environ = {"APP_ENV": app_env, "LOG_FORMAT": log_format, "WEBAPP_URL": "nowhere"}
    process = Process("bin/start", environ=environ)
    assert process.wait(20) == 78
    process.kill()
    assert {line.startswith("{") for line in process.lines} == {is_json}, process.output
