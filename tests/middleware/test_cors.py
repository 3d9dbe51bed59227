"""Who may read answers across origins, and who may make a browser change something."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

OTHER = "https://evil.example"
OPEN_PATHS = ["/", "/health", "/health/ready"]


def test_an_allowed_origin_may_read_with_credentials(visitor: Visitor) -> None:
    headers = visitor.get("/auth/session", headers={"Origin": WEBAPP}).headers
    assert headers["access-control-allow-origin"] == WEBAPP
    assert headers["access-control-allow-credentials"] == "true"
    assert set(headers["access-control-expose-headers"].split(", ")) == {
        "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID",
    }  # fmt: skip


def test_errors_can_be_read_across_origins_too(visitor: Visitor) -> None:
    for path in ("/auth/sessions", "/nowhere"):
        assert visitor.get(path, headers={"Origin": WEBAPP}).headers["access-control-allow-origin"] == WEBAPP


def test_answers_vary_by_origin_even_without_one(visitor: Visitor) -> None:
    result = visitor.get("/auth/session")
    assert result.headers["vary"] == "Origin"
    assert not [name for name in result.headers if name.lower().startswith("access-control")]


def test_a_preflight_names_methods_headers_and_two_hours(visitor: Visitor) -> None:
    preflight = visitor.request(
        "OPTIONS",
        "/auth/register",
        headers={
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, x-anything",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == WEBAPP
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, POST, PATCH, DELETE"
    assert "x-anything" not in preflight.headers["access-control-allow-headers"].lower()
    assert preflight.headers["access-control-max-age"] == "7200"


@pytest.mark.parametrize(
    "header",
    [
        *["authorization", "content-type", "x-request-id"],
        *["traceparent", "tracestate", "baggage", "sentry-trace", "b3"],
        *["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"],
        *["x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority"],
        *["elastic-apm-traceparent", "newrelic", "request-id", "request-context", "x-amzn-trace-id"],
    ],
)
def test_a_preflight_allows_what_the_frontend_and_its_tracing_send(visitor: Visitor, header: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header}
    allowed = visitor.request("OPTIONS", "/auth/logout", headers=asked).headers[
        "access-control-allow-headers"
    ]
    assert header in allowed.lower().split(", ")


@pytest.mark.parametrize(
    "asked", ["x-anything", "cookie", "x-auth-email", "*", "traceparent, x-anything", "", ",", "x" * 5000]
)
def test_a_preflight_names_the_same_headers_whatever_it_asks_for(visitor: Visitor, asked: str) -> None:
    def allowed(**headers: str) -> str | None:
        sent = {"Access-Control-Request-Method": "GET", "Origin": WEBAPP, **headers}
        answer = visitor.request("OPTIONS", "/auth/session", headers=sent)
        return answer.headers["access-control-allow-headers"]

    assert allowed(**{"Access-Control-Request-Headers": asked}) == allowed()


@pytest.mark.parametrize(
    "origin", [OTHER, "null", f"{WEBAPP}.evil.example", "http://localhost", "HTTP://LOCALHOST:5173"]
)
def test_another_origin_is_refused_without_cors_headers(visitor: Visitor, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for result in (
        visitor.get("/auth/session", headers={"Origin": origin}),
        visitor.post("/auth/logout", headers={"Origin": origin}),
        visitor.request("OPTIONS", "/auth/session", headers=preflight),
        visitor.request("OPTIONS", "/health", headers=preflight),
        visitor.post("/health", headers={"Origin": origin}),
        visitor.get("/nowhere", headers={"Origin": origin}),
    ):
        assert (result.status_code, result.json["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in result.headers
        assert result.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_monitoring_pages_answer_any_origin_without_cors_headers(visitor: Visitor, path: str) -> None:
    for method in ("GET", "HEAD"):
        result = visitor.request(method, path, headers={"Origin": OTHER})
        assert result.status_code == 200
        assert "access-control-allow-origin" not in result.headers


def test_the_services_own_origin_counts_as_allowed(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(API_URL="http://localhost:3999"))
    assert visitor.get("/auth/session", headers={"Origin": "http://localhost:3999"}).status_code == 200


def test_a_write_with_a_cookie_needs_to_say_where_it_comes_from(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.origin = None
    for headers in (
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ):
        for path in ("/auth/logout", "/auth/register"):
            refused = visitor.post(path, headers=headers)
            assert (refused.status_code, refused.json["code"]) == (403, "cross_site_request")
    assert visitor.get("/auth/session").json["authenticated"] is True
    assert visitor.post("/auth/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204


def test_a_write_from_an_allowed_origin_passes(visitor: Visitor) -> None:
    visitor.sign_in()
    allowed = {"Origin": WEBAPP, "Sec-Fetch-Site": "same-site"}
    assert visitor.post("/auth/logout", headers=allowed).status_code == 204


def test_a_write_without_a_cookie_has_nothing_to_forge(app: Any) -> None:
    assert Visitor(app).post("/auth/logout").status_code == 204
