"""Holds every answer that the tests get against the service's own description."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from app.openapi.document import openapi_document
from app.openapi.problem_kinds import common_codes

PROBLEM_JSON = "application/problem+json"


def document() -> dict[str, Any]:
    """As /openapi.json has it, but for the settings in it."""
    return openapi_document(
        api_url="https://api.example.com",
        audiences=["https://api.example.com"],
        session_cookie="session",
        version="1",
        docs_version="1",
        providers=[],
    )


@cache
def description() -> "Description":
    """One for the whole run, as its schemas are compiled when they are first needed."""
    return Description(document())


class Description:
    """The OpenAPI document, asked whether an answer is one of those it promises.

    Args:
        document: as /openapi.json has it.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths = document["paths"]
        self._components = document["components"]
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        # Those without parameters first: they win in the router, too.
        self._templates = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))), template)
            for template in sorted(self._paths, key=lambda template: "{" in template)
        ]

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Says what an answer has that the description has not.

        Args:
            method: of the request.
            path: of the request, without its query.
            status: of the answer, like the next two.
            headers: by name, whatever its case.
            body: the content.

        Raises:
            AssertionError: the answer is not described.
        """
        path = unquote(path)
        template = next((name for pattern, name in self._templates if pattern.fullmatch(path)), None)
        operation = self._paths.get(template, {}).get(method.lower())
        answer = f"{method} {path} answered {status}"
        if operation:
            assert str(status) in operation["responses"], f"{answer}, which is not described"
            response = self._resolved(operation["responses"][str(status)])
        elif method == "OPTIONS" and status in {200, 204}:
            response = {"headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestID"}}}
        else:
            response = self._refusal(template, method)
        self._check_headers(response, headers, answer)
        self._check_body(
            response, headers, b"" if method == "HEAD" else body, answer, is_head=method == "HEAD"
        )

    def _refusal(self, template: str | None, method: str) -> dict[str, Any]:
        """What may answer a path, or a method of a path, that is not there."""
        own = "method_not_allowed" if template else "not_found"
        codes = {"enum": sorted({own, *common_codes(template or "", method)})}
        problem = {"$ref": "#/components/schemas/Problem"}
        schema = {"allOf": [problem, {"properties": {"code": codes}}]}
        return {
            "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestID"}},
            "content": {PROBLEM_JSON: {"schema": schema}},
        }

    def _check_headers(self, response: Mapping[str, Any], headers: Mapping[str, str], answer: str) -> None:
        for name, reference in response.get("headers", {}).items():
            header = self._resolved(reference)
            value = headers.get(name)
            assert value is not None or not header.get("required"), f"{answer} without {name}"
            if value is not None:
                errors = list(self._validator(header["schema"]).iter_errors(value))
                assert not errors, f"{answer} with {name}: {value!r}: {errors}"

    def _check_body(
        self,
        response: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        answer: str,
        *,
        is_head: bool,
    ) -> None:
        content = response.get("content")
        if content is None:
            assert body == b"", f"{answer} with a body, and none is described"
            return
        media_type = headers.get("Content-Type", "").partition(";")[0]
        assert media_type in content, f"{answer} as {media_type!r}, and described is {list(content)}"
        if media_type.endswith("json") and not is_head:
            errors = list(self._validator(content[media_type]["schema"]).iter_errors(json.loads(body)))
            assert not errors, f"{answer} with {body!r}: {errors}"

    def _resolved(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in item:
            return item
        _, _, kind, name = str(item["$ref"]).split("/")
        found: Mapping[str, Any] = self._components[kind][name]
        return found

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": {"schemas": self._components["schemas"]}}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]
