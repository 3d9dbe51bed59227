"""The description and the routes are the same."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.openapi.problem_kinds import PROBLEM_KINDS
from app.settings.places import version
from app.web.problems import PROBLEMS
from tests.middleware.test_shape import routes_of
from tests.support.visitor import Visitor

METHODS = {"get", "head", "post", "put", "patch", "delete", "trace"}


def described(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (template, method.upper())
        for template, operations in document["paths"].items()
        for method in operations
        if method in METHODS
    }


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_route_is_described_and_nothing_else(app: Any, visitor: Visitor) -> None:
    routes = {(template, method) for template, method, _ in routes_of(app)}
    assert described(visitor.get("/openapi.json").json) == routes


def test_every_code_is_described(visitor: Visitor) -> None:
    document = visitor.get("/openapi.json").json
    responses = document["components"]["responses"].values()
    codes = {
        code
        for response in responses
        for code in response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    # Of paths and methods that are not there: the text at the top says it.
    assert codes == set(PROBLEM_KINDS) - {"method_not_allowed"}
    assert {code for _, code, _ in PROBLEMS.values()} <= codes
    assert "method_not_allowed" in document["info"]["description"]


def test_every_reference_leads_somewhere_and_every_component_is_used(visitor: Visitor) -> None:
    document = visitor.get("/openapi.json").json
    used = set(references(document))
    components = document["components"]
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("responses", "headers", "schemas", "parameters")
        for name in components[kind]
    }
    assert used == there


def test_operations_have_names_of_their_own(visitor: Visitor) -> None:
    operations = [
        operation
        for item in visitor.get("/openapi.json").json["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["tags"] for operation in operations)


@pytest.mark.parametrize(
    ("environ", "cookie"),
    [
        ({}, "session"),
        ({"API_URL": "https://api.example.com"}, "__Host-session"),
        ({"API_URL": "https://api.example.com", "COOKIE_DOMAIN": "example.com"}, "__Secure-session"),
    ],
)
def test_the_description_is_of_this_very_service(
    make_app: Callable[..., Any], environ: dict[str, str], cookie: str
) -> None:
    answer = Visitor(make_app(**environ)).get("/openapi.json")
    document = json.loads(answer.content)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == version()
    assert document["servers"] == [{"url": environ.get("API_URL", "http://localhost:3000")}]
    assert document["components"]["securitySchemes"]["session"]["name"] == cookie
    assert answer.headers["cache-control"] == "no-store"
