"""Unexpected errors as Sentry gets them from the real service."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import requests

from tests.support.live_session import insert_live_session
from tests.support.receivers import Sentry
from tests.support.service import PRODUCTION, Service, free_port
from tests.support.waiting import until

MakeService = Callable[..., Service]

STOP_LIMIT = 20


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with Sentry() as sentry:
        yield sentry


def tracked(make_service: MakeService, dsn: str) -> Service:
    service = make_service(SENTRY_DSN=dsn, WEB_CONCURRENCY="1", RATE_LIMIT="1000000/second")
    service.wait_until_serving()
    return service


def break_sessions(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE sessions RENAME TO gone")


def fail(service: Service, headers: dict[str, str], request_id: str = "failed") -> None:
    """Makes one request end in an unexpected error."""
    answer = requests.get(
        f"{service.url}/auth/session?code=secret-query",
        headers=headers | {"X-Request-ID": request_id, "Authorization": "Basic secret-token"},
        timeout=5,
    )
    assert answer.status_code == 500


def test_an_unexpected_error_is_told_with_its_place_and_nothing_about_the_person(
    make_service: MakeService, sentry: Sentry, database_url: str
) -> None:
    service = tracked(make_service, sentry.dsn)
    headers = insert_live_session(database_url)
    requests.get(f"{service.url}/nowhere?code=secret-query", headers=headers, timeout=5)
    break_sessions(database_url)
    fail(service, headers)
    [event] = until(sentry.events, seconds=15, what="the event")
    assert event["level"] == "error"
    assert event["transaction"] == "/auth/session"
    assert event["tags"] == {"request_id": "failed", "method": "GET", "route": "/auth/session"}
    assert event["environment"] == "production"
    assert re.fullmatch(r"connected-backend@\d+\.\d+\.\d+", event["release"])
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == (
        "UndefinedTable",
        'relation "sessions" does not exist (SQLSTATE 42P01)',
    )
    frames = error["stacktrace"]["frames"]
    assert {"app.database.queries", "app.database.pool"} <= {frame["module"] for frame in frames}
    assert not any("vars" in frame for frame in frames)
    assert_tells_nothing(event, headers["Cookie"].partition("=")[2], database_url)
    assert {path for path, _ in sentry.posts} == {"/api/42/envelope/"}


def assert_tells_nothing(event: dict[str, Any], token: str, database_url: str) -> None:
    assert not {"request", "user", "breadcrumbs", "extra", "modules"} & event.keys()
    planted = [token, "secret-query", "secret-token", "@example.com", "127.0.0.1", database_url]
    configured = [PRODUCTION["SESSION_SECRET"], PRODUCTION["GOOGLE_CLIENT_SECRET"]]
    for secret in [*planted, *configured]:
        assert secret not in json.dumps(event)


def test_a_traced_error_names_its_trace(make_service: MakeService, sentry: Sentry, database_url: str) -> None:
    service = tracked(make_service, sentry.dsn)
    headers = insert_live_session(database_url)
    break_sessions(database_url)
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    fail(service, headers | {"Traceparent": f"00-{trace}-{parent}-01"})
    [event] = until(sentry.events, seconds=15, what="the event")
    assert event["contexts"]["trace"]["trace_id"] == trace
    assert event["contexts"]["trace"]["span_id"] == parent


def test_an_error_just_before_the_end_is_told(
    make_service: MakeService, sentry: Sentry, database_url: str
) -> None:
    service = tracked(make_service, sentry.dsn)
    headers = insert_live_session(database_url)
    break_sessions(database_url)
    for number in range(20):
        fail(service, headers, f"failed-{number}")
    service.signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT) == 0
    told = {event["tags"]["request_id"] for event in sentry.events()}
    assert told == {f"failed-{number}" for number in range(20)}


def test_sentry_away_fails_nothing_and_is_told_of_once(make_service: MakeService, database_url: str) -> None:
    service = tracked(make_service, f"http://public-key@127.0.0.1:{free_port()}/42")
    headers = insert_live_session(database_url)
    break_sessions(database_url)
    for _ in range(5):
        fail(service, headers)
    said = "Errors cannot be delivered"
    until(lambda: said in service.messages(), seconds=20, what=said)
    fail(service, headers)
    service.signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT) == 0
    assert service.messages().count(said) == 1


def test_sentry_frozen_slows_no_request_and_holds_up_no_stop(
    make_service: MakeService, sentry: Sentry, database_url: str
) -> None:
    sentry.is_frozen.set()
    service = tracked(make_service, sentry.dsn)
    headers = insert_live_session(database_url)
    break_sessions(database_url)
    # More than the SDK's queue takes.
    for _ in range(150):
        fail(service, headers)
    until(lambda: sentry.posts, seconds=15, what="Sentry to be asked")
    service.signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT) == 0
    # Every line is a record still.
    assert service.records()
