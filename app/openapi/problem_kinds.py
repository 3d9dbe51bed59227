"""The problems of this service by code, and which of them an operation may answer with."""

from http import HTTPStatus
from typing import NamedTuple

from app.web.paths import ACCESS_TOKEN, AUTH_PREFIX, MONITORING, SAFE_METHODS, UNLIMITED
from app.web.problems import (
    CODES_BY_STATUS,
    DETAILS_BY_STATUS,
    INTERNAL_ERROR,
    INVALID_REQUEST_DETAIL,
    INVALID_REQUESTS,
    PROBLEMS,
    type_and_title,
)


class ProblemKind(NamedTuple):
    """The fields of a problem that do not depend on the request."""

    status: int
    detail: str
    type: str
    title: str


def _kind(status: int, code: str, detail: str) -> ProblemKind:
    type_, title = type_and_title(code, status)
    return ProblemKind(status, detail or "name must have 1 to 200 characters.", type_, title)


UNREADABLE = {"bad_request": HTTPStatus.BAD_REQUEST} | {
    code: status for status, code in INVALID_REQUESTS.values()
}
"""Code → status of what gunicorn refuses before the application sees it."""

PROBLEM_KINDS = {
    code: _kind(status, code, detail)
    for status, code, detail in [
        *((status, code, INVALID_REQUEST_DETAIL) for code, status in UNREADABLE.items()),
        *((status, CODES_BY_STATUS[status], detail) for status, detail in DETAILS_BY_STATUS.items()),
        *PROBLEMS.values(),
        INTERNAL_ERROR,
    ]
}
"""All problems, by code."""


def common_codes(path: str, method: str) -> set[str]:
    """The codes that the layers in front of a resource may answer with.

    Args:
        path: the route's template.
        method: in lower case.
    """
    codes = {*UNREADABLE, "body_too_large", "internal_error"}
    method = method.upper()
    if path not in UNLIMITED:
        codes.add("rate_limited")
    if method not in {"GET", "HEAD"} or path not in MONITORING:
        codes.add("origin_not_allowed")
    if method not in SAFE_METHODS:
        codes.add("cross_site_request")
        if path.startswith(AUTH_PREFIX) and path != ACCESS_TOKEN:
            codes.add("bearer_not_allowed")
    return codes
