"""Every request is counted once, under labels that requests cannot multiply."""

import random
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from falcon.testing import create_environ

from app.middleware.observation import COUNTED_METHODS
from tests.support.scrape import Scrape
from tests.support.visitor import Visitor

MakeApp = Callable[..., Any]

ROUTES = ["/", "/health", "/health/ready", "/auth/login", "/auth/session", "/metrics"]
METHODS = [*COUNTED_METHODS, "TRACE", "CONNECT", "PROPFIND", "get", "BREW", "G" * 300, "MÉTHODE", "POST\t"]
HOSTILE = string.printable + "\x00\x7f\xff\"\\'{}äß€" + "/" * 20 + "." * 10 + "%" * 10
ACCEPTS = [
    "*/*",
    "text/plain",
    "application/openmetrics-text; version=abc",
    "application/openmetrics-text; version=1.0.0",
    "application/openmetrics-text;q=",
    ";=,",
]


def call(app: Any, method: str, path: str, accept: str = "*/*") -> tuple[str, str]:
    """Status and body, straight from the WSGI application."""
    environ = create_environ(path="/", remote_addr="127.0.0.1", headers={"Accept": "x"})
    environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["HTTP_ACCEPT"] = method, path, accept
    statuses: list[str] = []
    body = app(environ, lambda status, _headers, *_: statuses.append(status[:3]))
    return statuses[-1], b"".join(body).decode()


def read(app: Any) -> Scrape:
    status, text = call(app, "GET", "/metrics")
    assert status == "200"
    return Scrape.parse(text)


def random_requests(seed: int) -> Iterator[tuple[str, str, str]]:
    """Method, path and Accept, for ever; no path is one of ours."""
    source = random.Random(seed)  # noqa: S311  # the same hostility at every run
    while True:
        path = "/~" + "".join(source.choices(HOSTILE, k=source.randint(0, 60)))
        accept = source.choice([*ACCEPTS, "".join(source.choices(HOSTILE, k=30))])
        yield source.choice(METHODS), path.encode().decode("latin-1"), accept


def assert_random_requests_add_nothing(app: Any, count: int) -> None:
    requests = random_requests(seed=1)
    for method in METHODS:
        for path in [*ROUTES, "/~"]:
            call(app, method, path)
    read(app)
    first = read(app)
    for number in range(count):
        method, path, accept = next(requests)
        call(app, method, path)
        if number % 50 == 0:
            status, text = call(app, "GET", "/metrics", accept)
            assert (status, text[:7]) == ("200", "# HELP ")
    last = read(app)
    assert last.series == first.series
    grown = last.value("http_requests_total", route="unmatched") - first.value(
        "http_requests_total", route="unmatched"
    )
    assert grown == count
    assert last.label_values("http_requests_total", "method") == {*COUNTED_METHODS, "OTHER"}


def test_random_requests_add_no_series(make_app: MakeApp) -> None:
    assert_random_requests_add_nothing(make_app(), 1_000)


@pytest.mark.full
def test_a_hundred_thousand_random_requests_add_no_series(make_app: MakeApp) -> None:
    assert_random_requests_add_nothing(make_app(), 100_000)


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/", ("GET", "/", "200")),
        ("HEAD", "/health", ("HEAD", "/health", "200")),
        ("POST", "/health", ("POST", "/health", "405")),
        ("BREW", "/health", ("OTHER", "/health", "405")),
        ("GET", "/nowhere", ("GET", "unmatched", "404")),
        ("GET", "/auth/login?return_to=nowhere", ("GET", "/auth/login", "400")),
        ("GET", "/auth/sessions", ("GET", "/auth/sessions", "401")),
    ],
)
def test_a_request_is_counted_by_method_route_and_status(
    visitor: Visitor, method: str, path: str, labels: tuple[str, str, str]
) -> None:
    names = dict(zip(("method", "route", "status"), labels, strict=True))
    for _ in range(3):
        visitor.request(method, path)
    found = Scrape.parse(visitor.get("/metrics").text)
    assert found.value("http_requests_total", **names) == 3
    del names["status"]
    assert found.value("http_request_duration_seconds_count", **names) == 3


def test_a_refusal_before_routing_is_counted_under_its_route(visitor: Visitor) -> None:
    visitor.get("/auth/session", headers={"Origin": "https://evil.example"})
    found = Scrape.parse(visitor.get("/metrics").text)
    assert found.value("http_requests_total", route="/auth/session", status="403") == 1


def test_a_failure_that_nobody_caught_is_counted(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("falcon.App.__call__", lambda *_: 1 / 0)
        assert call(app, "GET", "/")[0] == "500"
    found = read(app)
    assert found.value("http_requests_total", status="500") == 1
    assert found.value("http_requests_in_progress") == 1, "the scrape itself"
