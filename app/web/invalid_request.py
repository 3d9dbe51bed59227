"""The answer to what is no HTTP request, before there is an application to ask."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from gunicorn.http import errors

from app.telemetry.logs import request_fields
from app.web.problems import PROBLEM_JSON, problem

STATUSES = {
    errors.LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long"),
    errors.LimitRequestHeaders: (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large"),
    errors.UnsupportedTransferCoding: (HTTPStatus.NOT_IMPLEMENTED, "unsupported_transfer_coding"),
    errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "expectation_failed"),
}
"""Faults of a request that have a status of their own; the others are a 400."""
DETAIL = "The request cannot be understood."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered.

    Attributes:
        answer: all of it, from the status line on.
    """

    status: int
    request_id: str
    answer: bytes


def refusal(error: Exception, security_headers: Mapping[str, str]) -> Refusal:
    """The answer to a request that gunicorn could not read; a 500 for a fault of our own."""
    status, code = STATUSES.get(type(error), (HTTPStatus.BAD_REQUEST, "bad_request"))
    if not isinstance(error, errors.ParseException):
        status, code = HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"
    request_id = uuid.uuid4().hex
    with request_fields({"request_id": request_id}):
        body = problem(status, code, DETAIL)
    headers = {
        "Connection": "close",
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        **security_headers,
        "Vary": "Origin",
        "X-Request-ID": request_id,
    }
    fields = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *fields, "", ""])
    return Refusal(status.value, request_id, head.encode("latin-1") + body)
