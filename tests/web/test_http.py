"""What every answer has in common: headers, problems, methods, bodies."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from falcon.testing import Result

from app.web.problems import type_and_title
from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def assert_problem(result: Result, status: int, code: str) -> None:
    assert result.status_code == status
    assert result.headers["content-type"] == "application/problem+json"
    assert set(result.json) == {"type", "title", "status", "detail", "code", "request_id"}
    assert (result.json["status"], result.json["code"]) == (status, code)
    assert result.json["request_id"] == result.headers["x-request-id"]
    assert_headers(result)


def assert_headers(result: Result) -> None:
    for name, value in SECURITY_HEADERS.items():
        assert result.headers[name] == value
    assert "permissions-policy" in result.headers
    assert "Origin" in result.headers["vary"]


def test_root_and_health_answer_to_the_byte(visitor: Visitor) -> None:
    root = visitor.get("/")
    assert root.content == b'{"message":"Backend is live."}'
    assert root.headers["content-type"] == "application/json"
    moment = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rb'\{"status":"ok","timestamp":"' + moment + rb'"\}', visitor.get("/health").content)
    assert visitor.get("/health/ready").content == (
        b'{"status":"ok","checks":{"database":"ok","migrations":"ok"}}'
    )


@pytest.mark.parametrize("path", ["/", "/health", "/health/ready", "/auth/session", "/auth/sessions"])
def test_head_answers_as_get_without_a_body(visitor: Visitor, path: str) -> None:
    get, head = visitor.get(path), visitor.request("HEAD", path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


def test_unknown_paths_and_methods_are_problems(visitor: Visitor) -> None:
    assert_problem(visitor.get("/nowhere"), 404, "not_found")
    assert_problem(visitor.request("BREW", "/nowhere"), 404, "not_found")
    for method in ("DELETE", "BREW", "TRACE"):
        refused = visitor.request(method, "/health")
        assert_problem(refused, 405, "method_not_allowed")
        assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_failure_nobody_expected_is_a_problem_that_tells_nothing(
    app: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM vault")

    monkeypatch.setattr("app.database.readiness.ReadinessProbe.check", fail)
    result = Visitor(app).get("/health/ready")
    assert_problem(result, 500, "internal_error")
    assert "vault" not in result.text
    assert "Request error" in caplog.messages


def test_a_failure_outside_every_handler_is_a_problem_too(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("falcon.App.__call__", lambda *_: 1 / 0)
    result = Visitor(app).get("/")
    assert_problem(result, 500, "internal_error")


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_a_well_formed_request_id_is_kept(visitor: Visitor, given: str) -> None:
    assert visitor.get("/", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ü", 'a"b', "a\tb"])
def test_any_other_request_id_is_replaced(visitor: Visitor, given: str) -> None:
    assert re.fullmatch(
        "[0-9a-f]{32}", visitor.get("/", headers={"X-Request-ID": given}).headers["x-request-id"]
    )


def test_hsts_is_sent_in_staging_and_production_alone(make_app: Callable[..., Any]) -> None:
    hardened = {"WEBAPP_URL": "https://a.example.com", "API_URL": "https://b.example.com",
                "SESSION_SECRET": "s" * 32, "OIDC_ISSUER": "https://issuer.example.com"}  # fmt: skip
    for app_env, is_sent in (
        ("staging", True),
        ("production", True),
        ("test", False),
        ("development", False),
    ):
        result = Visitor(make_app(APP_ENV=app_env, **hardened)).get("/nowhere")
        assert ("strict-transport-security" in result.headers) == is_sent


def test_a_declared_long_body_is_refused_everywhere(visitor: Visitor) -> None:
    for path in ("/auth/register", "/auth/logout", "/nowhere"):
        refused = visitor.post(path, body=b"x" * (64 * 1024 + 1), content_type="application/json")
        assert_problem(refused, 413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("{}", "text/plain", 415, "unsupported_media_type"),
        ("a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("", "text/plain", 415, "unsupported_media_type"),
        (" ", "application/json", 400, "invalid_json"),
        ("{", "application/json", 400, "invalid_json"),
        (b"\xff", "application/json", 400, "invalid_json"),
        ("NaN", "application/json", 400, "invalid_json"),
        ("[" * 60000, "application/json", 400, "invalid_json"),
        ("[]", "application/json", 422, "invalid_field"),
        ('{"admin":true}', "application/json", 422, "invalid_field"),
        ('{"name":1}', "application/json", 422, "invalid_field"),
        ('{"name":""}', "application/json", 422, "invalid_field"),
        ('{"name":"   "}', "application/json", 422, "invalid_field"),
        (json.dumps({"name": "x" * 201}), "application/json", 422, "invalid_field"),
        ('{"name":"a\\u0000b"}', "application/json", 422, "invalid_field"),
        ('{"name":"\\nAda"}', "application/json", 422, "invalid_field"),
        ('{"picture":"https://"}', "application/json", 422, "invalid_field"),
        ('{"picture":"https://?"}', "application/json", 422, "invalid_field"),
        ('{"picture":"https://[x"}', "application/json", 422, "invalid_field"),
        ('{"picture":"https://a\\u3000b"}', "application/json", 422, "invalid_field"),
        ('{"name":"Ada"}'.encode("utf-16"), "application/json", 400, "invalid_json"),
        ('{"name":"a\\nb"}', "application/json", 422, "invalid_field"),
        ('{"name":"\\ud800"}', "application/json", 422, "invalid_field"),
        ('{"picture":"http://example.com/a.png"}', "application/json", 422, "invalid_field"),
        ('{"picture":"javascript:alert(1)"}', "application/json", 422, "invalid_field"),
        (json.dumps({"picture": "https://" + "x" * 2000}), "application/json", 422, "invalid_field"),
    ],
)
def test_bodies_that_break_the_rules_are_refused(
    visitor: Visitor, body: str | bytes, content_type: str, status: int, code: str
) -> None:
    visitor.sign_in()
    assert_problem(visitor.post("/auth/register", body=body, content_type=content_type), status, code)
    assert visitor.get("/auth/session").json["registered"] is False


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", None])
def test_no_body_is_an_empty_object_where_each_field_is_optional(
    visitor: Visitor, content_type: str | None
) -> None:
    visitor.sign_in()
    registered = visitor.post("/auth/register", body="", content_type=content_type)
    assert (registered.status_code, registered.json["name"]) == (201, "Ada Lovelace")
    unchanged = visitor.patch("/auth/user", body="", content_type=content_type)
    assert (unchanged.status_code, unchanged.json) == (200, registered.json)


def test_no_body_is_no_json_where_a_field_is_required(visitor: Visitor) -> None:
    visitor.register()
    assert_problem(
        visitor.post("/auth/tokens", body="", content_type="application/json"), 400, "invalid_json"
    )


@pytest.mark.parametrize("name", ["Zoë", "👩‍🚀 Ada", "علی‌رضا", "x" * 200])
def test_names_of_every_script_are_accepted(visitor: Visitor, name: str) -> None:
    visitor.sign_in()
    assert visitor.post("/auth/register", json={"name": name}).json["name"] == name


@pytest.mark.parametrize("path", ["/auth/sessions", "/auth/register"])
def test_visitors_are_asked_to_sign_in(visitor: Visitor, path: str) -> None:
    method = "POST" if path == "/auth/register" else "GET"
    assert_problem(visitor.request(method, path), 401, "not_signed_in")


def test_every_kind_of_answer_carries_the_headers(visitor: Visitor) -> None:
    visitor.sign_in()
    results = [
        visitor.get("/"),
        visitor.get("/auth/login"),
        visitor.get("/auth/callback/oidc"),
        visitor.post("/auth/logout"),
        visitor.get("/auth/login?return_to=//evil"),
        visitor.request("OPTIONS", "/auth/session", headers={"Access-Control-Request-Method": "GET"}),
    ]
    assert [result.status_code for result in results] == [200, 302, 303, 204, 400, 204]
    for result in results:
        assert_headers(result)
        assert "x-request-id" in result.headers
    assert results[5].headers["access-control-allow-origin"] == WEBAPP


@pytest.mark.parametrize(
    ("status", "title"), [(413, "Content Too Large"), (414, "URI Too Long"), (422, "Unprocessable Content")]
)
def test_a_title_is_rfc_9110s_with_every_python(status: int, title: str) -> None:
    assert type_and_title("", status) == ("about:blank", title)
