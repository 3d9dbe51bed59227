"""Every route, with every kind of answer it can give, carries the whole set of headers."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import falcon
import pytest
from falcon.inspect import inspect_compiled_router
from falcon.testing import Result

from app.errors import DatabaseUnavailableError
from app.middleware.headers import HEADERS
from app.openapi.page import load_page
from app.web.json_body import MAX_BODY_BYTES
from app.web.paths import CALLBACK, NAMELESS_CALLBACK
from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

OTHER = "https://evil.example"
OPEN = {"/", "/health", "/health/ready", "/metrics", "/auth/verify"}
"""CORS refuses no reading here; /auth/verify judges origins itself."""
UNLIMITED_ROUTES = {"/health", "/health/ready", "/metrics"}
EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
RATE = re.compile(r'"[a-z-]+";q=\d+;w=\d+(, "[a-z-]+";q=\d+;w=\d+)*')
STANDING = re.compile(r'"[a-z-]+";r=\d+;t=\d+(, "[a-z-]+";r=\d+;t=\d+)*')

MakeApp = Callable[..., Any]
Route = tuple[str, str, type]
"""Template, method and resource."""


def falcon_app(app: Any) -> Any:
    """The framework's application, inside the layers around it."""
    while not isinstance(app, falcon.App):
        app = app._app  # noqa: SLF001  # nobody else has a reason to look inside
    return app


def routes_of(app: Any) -> list[Route]:
    inside = falcon_app(app)
    return [
        (route.path, method.method, type(inside._router.find(path_of(route.path))[0]))  # noqa: SLF001
        for route in inspect_compiled_router(inside._router)  # noqa: SLF001
        for method in route.methods
        if not method.internal
    ]


def path_of(template: str) -> str:
    template = template.replace("{version}", load_page().version).replace("{asset}", "page.js")
    return re.sub(r"\{\w+\}", str(uuid4()), template)


def assert_shape(result: Result, route: str, origin: str | None, *, is_hardened: bool = False) -> None:
    """Checks all that an answer must carry, and that it carries nothing it must not."""
    headers = result.headers
    seen = f"{route} {result.status_code}"
    own = {"/docs": {"Content-Security-Policy", "Cache-Control"}, "/.well-known": {"Cache-Control"}}
    others = next((names for prefix, names in own.items() if route.startswith(prefix)), set())
    for name, value in HEADERS.items():
        if name not in others:
            assert headers.get(name) == value, (seen, name)
    assert "unsafe" not in headers["content-security-policy"], seen
    assert ("strict-transport-security" in headers) is is_hardened, seen
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"]), seen
    assert "Origin" in re.split(r",\s*", headers["vary"]), seen
    assert not {"server", "x-powered-by"} & {name.lower() for name in headers}, seen
    if origin == WEBAPP:
        assert headers["access-control-allow-origin"] == WEBAPP, seen
        assert headers["access-control-allow-credentials"] == "true", seen
        assert headers["access-control-expose-headers"] == EXPOSED, seen
    else:
        assert not [name for name in headers if name.lower().startswith("access-control")], seen
    assert ("ratelimit" in headers) is (route not in UNLIMITED_ROUTES), seen
    if "ratelimit" in headers:
        assert RATE.fullmatch(headers["ratelimit-policy"]), seen
        assert STANDING.fullmatch(headers["ratelimit"]), seen
    if result.status_code in {429, 503} and route != "/health/ready":
        assert int(headers["retry-after"]) > 0, seen
    if result.status_code == 405:
        assert headers["allow"], seen
    if result.status_code >= 400 and route != "/health/ready":
        assert headers["content-type"] == "application/problem+json", seen
        assert int(headers["content-length"]) > 0, seen
        # HEAD has no more than that.
        assert not result.content or result.json["request_id"] == headers["x-request-id"], seen


@pytest.fixture(params=[None, WEBAPP, OTHER], ids=["no-origin", "allowed", "refused"])
def origin(request: pytest.FixtureRequest) -> str | None:
    value: str | None = request.param
    return value


@pytest.fixture
def ask(visitor: Visitor, origin: str | None) -> Callable[..., Result]:
    """Sends a request of somebody registered, from the origin."""
    visitor.origin = WEBAPP
    visitor.register()
    visitor.origin = None
    headers = {"Origin": origin} if origin else {"Sec-Fetch-Site": "same-origin"}

    def send(method: str, path: str, **more: str) -> Result:
        return visitor.request(method, path, headers={**headers, **more})

    return send


def test_what_succeeds_or_leads_elsewhere(app: Any, ask: Callable[..., Result], origin: str | None) -> None:
    statuses = set()
    for template, method, _ in routes_of(app):
        if method in {"GET", "HEAD"}:
            rule = "?anyone=1" if template == "/auth/verify" else ""
            result = ask(method, path_of(template) + rule)
            statuses.add(result.status_code)
            if origin == OTHER and template not in OPEN:
                assert result.status_code == 403
            assert_shape(result, template, origin)
            if (template, method) == ("/auth/login", "HEAD") and origin != OTHER:
                # It begins no sign-in, and says so.
                assert result.status_code == 400
                statuses.remove(400)
    assert statuses == ({200, 403} if origin == OTHER else {200, 302, 303})


def test_what_changes_something(app: Any, ask: Callable[..., Result], origin: str | None) -> None:
    # The account last: with it goes the caller.
    changing = [route for route in routes_of(app) if route[1] not in {"GET", "HEAD"}]
    for template, method, _ in sorted(changing, key=lambda route: route[1:2] == ("DELETE",)):
        assert_shape(ask(method, path_of(template)), template, origin)


@pytest.mark.parametrize("method", ["PUT", "TRACE", "PROPFIND", "BREW", "WEBSOCKET"])
def test_wrong_and_unknown_methods(
    app: Any, ask: Callable[..., Result], origin: str | None, method: str
) -> None:
    for template in {route[0] for route in routes_of(app)}:
        result = ask(method, path_of(template))
        assert result.status_code == (403 if origin == OTHER else 405)
        assert_shape(result, template, origin)


def test_unknown_paths(ask: Callable[..., Result], origin: str | None) -> None:
    for path in ("/nowhere", "/auth", "/auth/", "/auth/user/x", "/%00", "/../etc/passwd"):
        result = ask("GET", path)
        assert result.status_code == (403 if origin == OTHER else 404)
        assert_shape(result, path, origin)


def test_bodies_that_are_too_long(app: Any, ask: Callable[..., Result], origin: str | None) -> None:
    for template, method, _ in routes_of(app):
        result = ask(method, path_of(template), **{"Content-Length": str(MAX_BODY_BYTES + 1)})
        is_refused = origin == OTHER and not (template in OPEN and method in {"GET", "HEAD"})
        assert result.status_code == (403 if is_refused else 413)
        assert_shape(result, template, origin)


def test_clients_that_ask_too_often(make_app: MakeApp, origin: str | None) -> None:
    app = make_app(RATE_LIMIT="1/day")
    visitor = Visitor(app)
    visitor.get("/")
    headers = {"Origin": origin} if origin else {}
    for template, method, _ in routes_of(app):
        if template not in UNLIMITED_ROUTES:
            result = visitor.request(method, path_of(template), headers=headers)
            assert result.status_code == 429
            assert_shape(result, template, origin)


@pytest.fixture(params=[RuntimeError("secret"), DatabaseUnavailableError("secret")], ids=["500", "503"])
def failure(request: pytest.FixtureRequest) -> Exception:
    error: Exception = request.param
    return error


def test_whatever_fails_inside(app: Any, make_app: MakeApp, origin: str | None, failure: Exception) -> None:
    expected = 503 if isinstance(failure, DatabaseUnavailableError) else 500
    paths = Visitor(app).get("/openapi.json").json["paths"]

    def broken() -> Iterator[tuple[str, str, Any]]:
        for template, method, resource in routes_of(app):
            # Only what asks the database can fail with it; readiness has a 503 of its own.
            responses = paths[template][method.lower()]["responses"]
            if "$ref" not in responses.get(str(expected), {}):
                continue

            def fail(*_: object, **__: object) -> None:
                raise failure

            with patch.object(resource, f"on_{method.lower()}", fail):
                yield template, method, make_app()

    headers = {"Origin": origin} if origin else {}
    for template, method, application in broken():
        result = Visitor(application).request(method, path_of(template), headers=headers)
        is_refused = origin == OTHER and not (template in OPEN and method in {"GET", "HEAD"})
        # A fault at the callback leads to the frontend, which can explain it to a person.
        status = 303 if template in {CALLBACK, NAMELESS_CALLBACK} and expected == 500 else expected
        assert result.status_code == (403 if is_refused else status), template
        assert "secret" not in result.text
        assert_shape(result, template, origin)


def test_over_https_alone_in_production(make_app: MakeApp) -> None:
    app = make_app(
        APP_ENV="production",
        API_URL="https://api.example.com",
        WEBAPP_URL="https://app.example.com",
        OIDC_ISSUER="https://issuer.example",
        SESSION_SECRET="8d41f6c2a97e05b3e6104bd2f97a3c58",
    )
    for template, method, _ in routes_of(app):
        if template not in {"/auth/login", CALLBACK}:
            result = Visitor(app).request(method, path_of(template))
            assert_shape(result, template, None, is_hardened=True)
