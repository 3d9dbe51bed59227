"""Answers where the framework itself fails."""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from app.web.environ import route_of
from app.web.problems import INTERNAL_ERROR, PROBLEM_JSON, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)


class LastResortMiddleware:
    """Answers an exception that Falcon let through with the same 500 as one in a resource. WSGI."""

    def __init__(self, app: "WSGIApplication", headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            return self._app(environ, start_response)
        except Exception:
            fields = {"method": environ["REQUEST_METHOD"], "route": route_of(environ)}
            logger.exception("Request error", extra=fields)
        body = problem(*INTERNAL_ERROR)
        common = [("Content-Type", PROBLEM_JSON), ("Content-Length", str(len(body))), ("Vary", "Origin")]
        start_response("500 Internal Server Error", [*common, *self._headers.items()])
        return [body]
