"""Exception → problem+json (RFC 9457). One table."""

import json
import logging
from http import HTTPStatus

import falcon

from app import errors
from app.telemetry.logs import REQUEST_FIELDS
from app.telemetry.metrics import Metrics
from app.telemetry.security_events import log_event
from app.web.environ import route_of

PROBLEM_JSON = "application/problem+json"

PROBLEMS: dict[type[Exception], tuple[int, str, str]] = {
    errors.InvalidReturnToError: (400, "invalid_return_to", "return_to must be a path such as /dashboard."),
    errors.InvalidJSONError: (400, "invalid_json", "The body is not valid JSON."),
    errors.NotSignedInError: (401, "not_signed_in", "Sign in first."),
    errors.InvalidBearerError: (401, "invalid_token", "This bearer token is not valid."),
    errors.NotRegisteredError: (403, "not_registered", "Register first: POST /auth/register."),
    errors.RegistrationClosedError: (403, "registration_closed", "New accounts are not made here."),
    errors.OriginNotAllowedError: (403, "origin_not_allowed", "This origin may not call the API."),
    errors.CrossSiteRequestError: (
        403,
        "cross_site_request",
        "A request that changes something must come from an allowed origin.",
    ),
    errors.BearerNotAllowedError: (403, "bearer_not_allowed", "A bearer token may only read."),
    errors.TokenNotFoundError: (404, "token_not_found", "You have no such token."),
    errors.SessionNotFoundError: (404, "session_not_found", "You have no such session."),
    errors.AlreadyRegisteredError: (409, "already_registered", "This person has an account already."),
    errors.EmailTakenError: (409, "email_taken", "Another account has this e-mail address."),
    errors.BodyTooLargeError: (413, "body_too_large", "The body is longer than 64 KiB."),
    errors.UnsupportedMediaTypeError: (415, "unsupported_media_type", "Send application/json."),
    errors.TokenLimitError: (422, "too_many_tokens", "You have 20 tokens; delete one first."),
    errors.InvalidFieldError: (422, "invalid_field", ""),
    errors.RateLimitedError: (429, "rate_limited", "Rate limit exceeded. Please try again later."),
    errors.DatabaseUnavailableError: (
        503,
        "database_unavailable",
        "The service cannot reach its database. Try again soon.",
    ),
}
"""Status, stable code, and what to tell the caller; an empty sentence stands for the exception's own."""

TYPES = {
    "rate_limited": (
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "Request cannot be satisfied as assigned quota has been exceeded",
    )
}
"""Type and title by code, where the world has agreed on a type (draft-ietf-httpapi-ratelimit-headers-10)."""

INTERNAL_ERROR = (500, "internal_error", "Something went wrong here. The request_id helps to find it.")
"""Of whatever is in no table."""

RETRY_AFTER_SECONDS = 2

CODES_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
DETAILS_BY_STATUS = {
    404: "There is nothing at this path.",
    405: "This path does not answer this method; see Allow.",
}

logger = logging.getLogger(__name__)


MAX_CAUSE_LENGTH = 500


def add_error_handlers(
    app: "falcon.App[falcon.Request, falcon.Response]", metrics: Metrics, *, webapp_url: str
) -> None:
    """Gives every exception an answer; what is in no table is a 500 and a log record with its stack.

    Args:
        app: whose errors these are.
        metrics: where failed sign-ins are counted.
        webapp_url: the frontend, where a sign-in that fails ends, with its code.
    """

    def handle_sign_in_error(
        _req: falcon.Request, resp: falcon.Response, error: errors.SignInError, _params: object
    ) -> None:
        cause = error.cause[:MAX_CAUSE_LENGTH]
        log_event("sign_in_failed", code=error.code, cause=cause)
        metrics.sign_ins.labels(error.code).inc()
        resp.status = 303
        resp.set_header("Location", f"{webapp_url}/auth/login?error={error.code}")

    app.add_error_handler(Exception, _handle_unexpected)
    app.add_error_handler(errors.SignInError, handle_sign_in_error)
    app.add_error_handler(falcon.HTTPError, _handle_http_error)
    for exception in PROBLEMS:
        app.add_error_handler(exception, _handle_known)


def _handle_known(_req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    status, code, detail = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        resp.set_header("Retry-After", str(RETRY_AFTER_SECONDS))
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3.
        is_bearer = isinstance(error, errors.InvalidBearerError)
        resp.set_header("WWW-Authenticate", 'Bearer error="invalid_token"' if is_bearer else "Bearer")
    _set_problem(resp, status, code, detail or str(error))


def _handle_http_error(
    _req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object
) -> None:
    status = falcon.http_status_to_code(error.status)
    for name, value in dict(error.headers or {}).items():
        resp.set_header(name, value)
    code = CODES_BY_STATUS.get(status, "bad_request")
    _set_problem(resp, status, code, DETAILS_BY_STATUS.get(status, "The request cannot be understood."))


def _handle_unexpected(req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    fields = {"method": req.env["REQUEST_METHOD"], "route": route_of(req.env)}
    logger.error("Request error", exc_info=error, extra=fields)
    _set_problem(resp, *INTERNAL_ERROR)


def type_and_title(code: str, status: int) -> tuple[str, str]:
    """Of a problem; where `type` is about:blank, `title` is the status's own phrase."""
    return TYPES.get(code) or ("about:blank", HTTPStatus(status).phrase)


def problem(status: int, code: str, detail: str) -> bytes:
    """The body of a problem."""
    kind, title = type_and_title(code, status)
    body = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": REQUEST_FIELDS.get().get("request_id"),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _set_problem(resp: falcon.Response, status: int, code: str, detail: str) -> None:
    resp.status = status
    resp.content_type = PROBLEM_JSON
    resp.data = problem(status, code, detail)
    resp.text = None
    resp.media = None
