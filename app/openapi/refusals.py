"""The problems this service answers with: their codes, and which may come from where."""

from http import HTTPStatus
from typing import NamedTuple

from app.middleware.bearer import READING_METHODS
from app.middleware.cors import OPEN_PATHS
from app.middleware.cross_site import SAFE_METHODS
from app.middleware.rate_limit import EXEMPT_ROUTES
from app.web.invalid_request import DETAIL, STATUSES
from app.web.problems import CODES_BY_STATUS, DETAILS_BY_STATUS, INTERNAL_ERROR, PROBLEMS, type_and_title


class Refusal(NamedTuple):
    """A problem's fields that do not depend on the request."""

    status: int
    detail: str
    type: str
    title: str


def _refusal(status: int, code: str, detail: str) -> Refusal:
    kind, title = type_and_title(code, status)
    return Refusal(status, detail or "name must have 1 to 200 characters.", kind, title)


UNREADABLE = {"bad_request": HTTPStatus.BAD_REQUEST} | {code: status for status, code in STATUSES.values()}
"""What gunicorn refuses before there is an application to ask: status by code."""

REFUSALS = {
    code: _refusal(status, code, detail)
    for status, code, detail in [
        *((status, code, DETAIL) for code, status in UNREADABLE.items()),
        *((status, CODES_BY_STATUS[status], detail) for status, detail in DETAILS_BY_STATUS.items()),
        *PROBLEMS.values(),
        INTERNAL_ERROR,
    ]
}
"""Every problem there is, by code."""


def common_codes(path: str, method: str) -> set[str]:
    """The codes that the layers before a resource may answer with.

    Args:
        path: the template of the route.
        method: in lower case.
    """
    codes = {*UNREADABLE, "body_too_large", "internal_error"}
    method = method.upper()
    if path not in EXEMPT_ROUTES:
        codes.add("rate_limited")
    if method not in {"GET", "HEAD"} or path not in OPEN_PATHS:
        codes.add("origin_not_allowed")
    if method not in SAFE_METHODS:
        codes.add("cross_site_request")
    if method not in READING_METHODS and path.startswith("/auth/"):
        codes.add("bearer_not_allowed")
    return codes
