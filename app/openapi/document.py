"""Makes the OpenAPI document from description.json and from the tables of the code."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.openapi.problem_kinds import PROBLEM_KINDS, common_codes

DESCRIPTION = Path(__file__).parent / "description.json"

HEADERS = {
    "X-Request-ID": {"$ref": "#/components/headers/RequestID"},
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
}
"""Headers that each response may have."""

RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
HEADERS_BY_STATUS = {
    "401": {"WWW-Authenticate": {"$ref": "#/components/headers/Challenge"}},
    "429": RETRY_AFTER,
    "503": RETRY_AFTER,
}
"""Status → headers of its problems."""


def openapi_document(
    *,
    api_url: str,
    audiences: Sequence[str],
    session_cookie: str,
    version: str,
    docs_version: str,
    providers: Sequence[str],
) -> dict[str, Any]:
    """The whole document (OpenAPI 3.1).

    In description.json an operation has its successful responses, and in `x-problems` its own error codes.
    This function adds the codes of the layers before it, a response for each of their statuses, the headers
    of each response, and a HEAD for each GET.

    Args:
        api_url: API_URL, the one server.
        audiences: TOKEN_AUDIENCES; none for a description of any service.
        session_cookie: the name of the session's cookie.
        version: this service's.
        docs_version: of the files under /docs.
        providers: the names in PROVIDERS; none for a description of any service.
    """
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    document["info"]["version"] = version
    document["servers"] = [{"url": api_url}]
    document["paths"]["/docs/{version}/{asset}"]["parameters"][0]["schema"] = {"const": docs_version}
    components = document["components"]
    if providers:
        components["schemas"]["ProviderName"]["enum"] = list(providers)
    components["securitySchemes"]["session"]["name"] = session_cookie
    if audiences:
        components["schemas"]["AccessTokenRequest"]["properties"]["audience"]["enum"] = [*audiences, None]
    shared = {name: _with_headers(response) for name, response in components["responses"].items()}
    for path, item in document["paths"].items():
        for method in [name for name in item if name != "parameters"]:
            operation = item[method]
            codes = {*operation.pop("x-problems"), *common_codes(path, method)}
            operation["responses"] = _responses(operation["responses"], codes, shared)
        if "get" in item:
            item["head"] = _head(item["get"])
    components["responses"] = dict(sorted(shared.items()))
    return document


def _responses(own: Mapping[str, Any], codes: Iterable[str], shared: dict[str, Any]) -> dict[str, Any]:
    """An operation's responses by status. Those with the same problems share an entry of `shared`."""
    responses = {
        status: response if "$ref" in response else _with_headers(response)
        for status, response in own.items()
    }
    groups: dict[str, list[str]] = {}
    for code in sorted(codes):
        groups.setdefault(str(PROBLEM_KINDS[code].status), []).append(code)
    for status, group in groups.items():
        name = f"{status}.{'.'.join(group)}"
        response = _problem_response(status, group)
        if status in own:
            # A page, or the problem.
            name, response = f"{name}.page", _both(response, own[status])
        shared[name] = response
        responses[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(responses.items()))


def _both(problem: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **problem,
        "description": f"{problem['description']}\n\n{other['description']}",
        "content": {**problem["content"], **other["content"]},
    }


def _with_headers(response: Mapping[str, Any]) -> dict[str, Any]:
    return {**response, "headers": {**response.get("headers", {}), **HEADERS}}


def _problem_response(status: str, codes: list[str]) -> dict[str, Any]:
    rules = {
        "type": {"enum": sorted({PROBLEM_KINDS[code].type for code in codes})},
        "status": {"const": int(status)},
        "code": {"enum": codes},
    }
    return _with_headers(
        {
            "description": "\n".join(f"- `{code}`: {PROBLEM_KINDS[code].detail}" for code in codes),
            "headers": HEADERS_BY_STATUS.get(status, {}),
            "content": {
                "application/problem+json": {
                    "schema": {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": rules}]},
                    "examples": {code: {"value": _example(code)} for code in codes},
                }
            },
        }
    )


def _example(code: str) -> dict[str, Any]:
    kind = PROBLEM_KINDS[code]
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
        "request_id": "5f0c9a3e7d1b4c62a8e4f1d20b9c7a36",
    }


def _head(operation: Mapping[str, Any]) -> dict[str, Any]:
    """HEAD, with the headers of GET and without its body (RFC 9110, section 9.3.2)."""
    name = operation["operationId"]
    return {
        **operation,
        "operationId": f"head{name[0].upper()}{name[1:]}",
        "summary": f"{operation['summary']}: the headers",
    }
