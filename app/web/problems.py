"""Exceptions as problem+json (RFC 9457), in one table."""

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import falcon
from gunicorn.http import errors as gunicorn_errors

from app import errors
from app.telemetry.logs import REQUEST_FIELDS, request_fields
from app.telemetry.metrics import Metrics
from app.telemetry.security_events import Event, log_event
from app.web.environ import PROBLEM_KEY, route_of
from app.web.journey import failure_page_of, provider_of, with_error
from app.web.paths import CALLBACK, FRONTEND_LOGIN, NAMELESS_CALLBACK

PROBLEM_JSON = "application/problem+json"
PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""Of RFC 9110, section 15.5; `http.HTTPStatus` has older ones before Python 3.13."""

PROBLEMS: dict[type[Exception], tuple[int, str, str]] = {
    errors.InvalidReturnToError: (400, "invalid_return_to", "return_to must be a path such as /dashboard."),
    errors.UnknownProviderError: (400, "unknown_provider", "There is no such provider; see /auth/providers."),
    errors.InvalidLogoutTokenError: (400, "invalid_logout_token", "This logout token is not valid."),
    errors.NotANavigationError: (
        400,
        "not_a_navigation",
        "A sign-in begins where a browser opens this address as a page: link to it.",
    ),
    errors.InvalidJSONError: (400, "invalid_json", "The body is not valid JSON."),
    errors.NotSignedInError: (401, "not_signed_in", "Sign in first."),
    errors.InvalidBearerError: (401, "invalid_token", "This bearer token is not valid."),
    errors.NotRegisteredError: (403, "not_registered", "Register first: POST /auth/register."),
    errors.NoEntryRuleError: (
        403,
        "no_rule",
        "The proxy must say who may enter: add ?groups=NAME,NAME to the URL of /auth/verify, or ?anyone=1.",
    ),
    errors.NotInGroupError: (403, "not_in_group", "You are in none of the groups that may enter."),
    errors.RegistrationClosedError: (403, "registration_closed", "New accounts are not made here."),
    errors.OriginNotAllowedError: (403, "origin_not_allowed", "This origin may not call the API."),
    errors.CrossSiteRequestError: (
        403,
        "cross_site_request",
        "A request that changes something must come from an allowed origin.",
    ),
    errors.SignInTooOldError: (
        403,
        "sign_in_again",
        "Your sign-in is 10 minutes old: sign in again first.",
    ),
    errors.BearerNotAllowedError: (403, "bearer_not_allowed", "An API token may only read."),
    errors.ProviderNotFoundError: (
        404,
        "provider_not_found",
        "There is no such provider; see /auth/providers.",
    ),
    errors.IdentityNotFoundError: (404, "identity_not_found", "You have no such identity."),
    errors.TokenNotFoundError: (404, "token_not_found", "You have no such token."),
    errors.SessionNotFoundError: (404, "session_not_found", "You have no such session."),
    errors.AlreadyRegisteredError: (409, "already_registered", "This person has an account already."),
    errors.LastIdentityError: (
        409,
        "last_identity",
        "Without this identity you could not sign in again.",
    ),
    errors.EmailTakenError: (409, "email_taken", "Another account has this e-mail address."),
    errors.BodyTooLargeError: (413, "body_too_large", "The body is longer than 64 KiB."),
    errors.UnsupportedMediaTypeError: (
        415,
        "unsupported_media_type",
        "Send application/json, or for a back-channel logout a form.",
    ),
    errors.TokenLimitError: (422, "too_many_tokens", "You have 20 tokens; delete one first."),
    errors.InvalidFieldError: (422, "invalid_field", ""),
    errors.AudienceNotAllowedError: (422, "audience_not_allowed", "Tokens are not made for this audience."),
    errors.RateLimitedError: (429, "rate_limited", "Rate limit exceeded. Please try again later."),
    errors.ProviderUnavailableError: (
        503,
        "provider_unavailable",
        "The sign-in provider cannot be reached. Try again soon.",
    ),
    errors.DatabaseUnavailableError: (
        503,
        "database_unavailable",
        "The service cannot reach its database. Try again soon.",
    ),
}
"""Exception → status, stable code, detail; an empty detail means the exception's own message."""

TYPES = {
    "rate_limited": (
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "Request cannot be satisfied as assigned quota has been exceeded",
    )
}
"""Code → type and title, where a type is registered (draft-ietf-httpapi-ratelimit-headers-10)."""

INTERNAL_ERROR = (500, "internal_error", "Something went wrong here. The request_id helps to find it.")
"""Status, code and detail of an exception that no table has."""

RETRY_AFTER_SECONDS = 2

CODES_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
DETAILS_BY_STATUS = {
    404: "There is nothing at this path.",
    405: "This path does not answer this method; see Allow.",
}

INVALID_REQUESTS = {
    gunicorn_errors.LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long"),
    gunicorn_errors.LimitRequestHeaders: (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large"),
    gunicorn_errors.ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "expectation_failed"),
}
"""gunicorn's error → status and code; its other errors are a 400 `bad_request`.

An unknown transfer coding is one of the others: gunicorn's parser in C does not tell it apart.
"""
INVALID_REQUEST_DETAIL = "The request cannot be understood."

MAX_CAUSE_LENGTH = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InvalidRequestAnswer:
    """The answer to bytes that are not an HTTP request; `raw` is all of it, from the status line on."""

    status: int
    code: str
    request_id: str
    raw: bytes


def add_error_handlers(
    app: "falcon.App[falcon.Request, falcon.Response]", metrics: Metrics, *, webapp_url: str
) -> None:
    """Makes the application answer each exception; one that no table has logs its stack, and is a 500.

    At the callback it is a failed sign-in instead.

    Args:
        app: raises the exceptions.
        metrics: count failed sign-ins.
        webapp_url: the frontend, which a failed sign-in is sent to, with its code.
    """

    def handle_sign_in_error(
        req: falcon.Request, resp: falcon.Response, error: errors.SignInError, _params: object
    ) -> None:
        cause = error.cause[:MAX_CAUSE_LENGTH]
        provider, page = provider_of(req), failure_page_of(req)
        event: Event = "identity_link_failed" if page else "sign_in_failed"
        log_event(event, code=error.code, provider=provider, cause=cause)
        metrics.sign_ins.labels(provider, error.code).inc()
        resp.status = 303
        resp.set_header("Location", with_error(page or f"{webapp_url}{FRONTEND_LOGIN}", error.code))

    def handle_unexpected(
        req: falcon.Request, resp: falcon.Response, error: Exception, params: object
    ) -> None:
        route = route_of(req.env)
        logger.error(
            "Request error", exc_info=error, extra={"method": req.env["REQUEST_METHOD"], "route": route}
        )
        if route in {CALLBACK, NAMELESS_CALLBACK}:
            # A browser shows this answer to a person, so the frontend explains it.
            failed = errors.SignInError("oauth_failed", f"a fault of the service: {type(error).__name__}")
            handle_sign_in_error(req, resp, failed, params)
        else:
            _set_problem(req, resp, *INTERNAL_ERROR)

    app.add_error_handler(Exception, handle_unexpected)
    app.add_error_handler(errors.SignInError, handle_sign_in_error)
    app.add_error_handler(falcon.HTTPError, _handle_http_error)
    for exception in PROBLEMS:
        app.add_error_handler(exception, _handle_known)


def _handle_known(req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    status, code, detail = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    if isinstance(error, errors.ProviderUnavailableError):
        logger.warning("Provider unavailable", extra={"cause": str(error)[:MAX_CAUSE_LENGTH]})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        resp.set_header("Retry-After", str(RETRY_AFTER_SECONDS))
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3.
        is_bearer = isinstance(error, errors.InvalidBearerError)
        resp.set_header("WWW-Authenticate", 'Bearer error="invalid_token"' if is_bearer else "Bearer")
    _set_problem(req, resp, status, code, detail or str(error))


def _handle_http_error(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object
) -> None:
    status = falcon.http_status_to_code(error.status)
    for name, value in dict(error.headers or {}).items():
        resp.set_header(name, value)
    code = CODES_BY_STATUS.get(status, "bad_request")
    _set_problem(req, resp, status, code, DETAILS_BY_STATUS.get(status, INVALID_REQUEST_DETAIL))


def type_and_title(code: str, status: int) -> tuple[str, str]:
    """A problem's `type` and `title`; about:blank has the status's phrase (RFC 9457, section 4.2.1)."""
    return TYPES.get(code) or ("about:blank", PHRASES.get(status) or HTTPStatus(status).phrase)


def problem(status: int, code: str, detail: str) -> bytes:
    """A problem's body."""
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


def invalid_request_answer(error: Exception, security_headers: Mapping[str, str]) -> InvalidRequestAnswer:
    """The answer to bytes that gunicorn could not read as a request; a 500 where the fault is our own."""
    status, code = INVALID_REQUESTS.get(type(error), (HTTPStatus.BAD_REQUEST, "bad_request"))
    if not isinstance(error, gunicorn_errors.ParseException):
        status, code = HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"
    request_id = uuid.uuid4().hex
    with request_fields({"request_id": request_id}):
        body = problem(status, code, INVALID_REQUEST_DETAIL)
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
    return InvalidRequestAnswer(status.value, code, request_id, head.encode("latin-1") + body)


def _set_problem(req: falcon.Request, resp: falcon.Response, status: int, code: str, detail: str) -> None:
    req.env[PROBLEM_KEY] = code
    resp.status = status
    resp.content_type = PROBLEM_JSON
    resp.data = problem(status, code, detail)
    resp.text = None
    resp.media = None
