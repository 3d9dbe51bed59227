"""Hostile bytes at a real gunicorn: all counted, none of them as a new series."""

import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from app.middleware.observation import COUNTED_METHODS
from tests.support.scrape import Scrape, scrape
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

METHODS = [*COUNTED_METHODS, "BREW", "PROPFIND", "get", "TRACE", "G" * 40, "M\xc9THODE", ""]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/9.9", "HTPP/1.1", ""]
SCRAPE_LIMIT = 0.05
"""Seconds."""


def random_requests(seed: int) -> Iterator[bytes]:
    source = random.Random(seed)  # noqa: S311  # the same hostility at every run
    while True:
        # Beyond ASCII is no HTTP: half of them get past the parser.
        last = source.choice([126, 255])
        path = "/~" + "".join(chr(source.randint(33, last)) for _ in range(source.randint(0, 80)))
        version = source.choice(VERSIONS if source.random() < 0.2 else VERSIONS[:1])
        extra = source.choice(["", "", "Broken header\r\n", "Transfer-Encoding: gold\r\n", "Via: a\r\n"])
        lines = f"{source.choice(METHODS)} {path} {version}\r\nHost: a\r\n{extra}Connection: close\r\n\r\n"
        yield lines.encode("latin-1")


def send(service: Service, request: bytes) -> bool:
    """Whether there was an answer."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65536).startswith(b"HTTP/1.")


def send_random(service: Service, count: int, seed: int) -> Scrape:
    """What is found after so many requests, of which each must be answered."""
    requests = random_requests(seed)
    assert all(send(service, next(requests)) for _ in range(count))
    return scrape(service)


def assert_hostile_requests_add_nothing(service: Service, count: int) -> None:
    service.wait_until_serving()
    until(lambda: scrape(service).has("migrations_pending"), seconds=10, what="a look at the database")
    # Enough for every kind to have happened.
    before = send_random(service, 1_000, seed=1)
    after = send_random(service, count, seed=2)
    assert after.series == before.series
    requests = "http_requests_total"
    assert after.value(requests) - before.value(requests) == count + 1, "and the scrape between"
    assert after.label_values(requests, "method") <= {*COUNTED_METHODS, "OTHER"}
    assert after.label_values(requests, "route") == {"unmatched", "/health", "/metrics"}


def test_hostile_requests_are_counted_and_add_no_series(make_service: MakeService) -> None:
    assert_hostile_requests_add_nothing(make_service(), 300)


@pytest.mark.full
def test_ten_thousand_hostile_requests_add_no_series(make_service: MakeService) -> None:
    assert_hostile_requests_add_nothing(make_service(), 10_000)


def test_what_is_no_http_is_counted_too(make_service: MakeService) -> None:
    service = make_service()
    service.wait_until_serving()
    assert send(service, b"garbage\r\n\r\n")
    assert send(service, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
    found = scrape(service)
    labels = {"method": "OTHER", "route": "unmatched"}
    assert found.value("http_requests_total", status="400", **labels) == 1
    assert found.value("http_requests_total", status="431", **labels) == 1


def test_a_scrape_is_quick_when_every_route_has_seen_every_method(make_service: MakeService) -> None:
    service = make_service()
    service.wait_until_serving()
    wait_for_workers(service, 2)
    routes = ["/", "/health", "/health/ready", "/auth/login", "/auth/session", "/auth/sessions", "/metrics"]
    for path in [*routes, "/auth/register", "/auth/logout", "/auth/callback", "/nowhere"]:
        for method in [*COUNTED_METHODS, "BREW"]:
            requests.request(method, service.url + path, allow_redirects=False, timeout=5)

    def is_quick() -> bool:
        began = time.perf_counter()
        answer = requests.get(f"{service.url}/metrics", timeout=5)
        return answer.status_code == 200 and time.perf_counter() - began < SCRAPE_LIMIT

    until(is_quick, seconds=10, what=f"a scrape under {SCRAPE_LIMIT} s")
