"""Cross-origin resource sharing (Fetch standard, section 3.2) for exact origins, with credentials."""

import falcon

from app.errors import OriginNotAllowedError
from app.settings.domains import Siblings
from app.web.paths import LOGOUT, MONITORING, VERIFY

ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE"
TRACE_HEADERS = (
    # W3C Trace Context and Baggage; Sentry, Zipkin.
    *("Traceparent", "Tracestate", "Baggage", "Sentry-Trace", "B3"),
    *("X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags"),
    # Datadog, Elastic, New Relic, Application Insights, CloudWatch.
    *("X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Origin", "X-Datadog-Sampling-Priority"),
    *("Elastic-Apm-Traceparent", "Newrelic", "Request-Id", "Request-Context", "X-Amzn-Trace-Id"),
)
"""What the tracing SDKs of browsers put on every request; without them in the list they break all calls."""
ALLOWED_HEADERS = ", ".join(("Authorization", "Content-Type", "X-Request-ID", *TRACE_HEADERS))
EXPOSED_HEADERS = "RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
MAX_AGE_SECONDS = 7200


class CORSMiddleware:
    """Answers preflights, adds CORS headers for allowed origins, and refuses other origins.

    Falcon's own middleware sends no `Vary: Origin`, allows any requested header, and answers the preflight
    of a disallowed origin with 200.
    """

    def __init__(self, allowed_origins: frozenset[str], *, siblings: Siblings | None) -> None:
        self._allowed_origins = allowed_origins
        self._siblings = siblings

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        origin = req.env.get("HTTP_ORIGIN")
        if origin is None:
            return
        if origin not in self._allowed_origins:
            is_read = req.method in {"GET", "HEAD"}
            # /auth/verify judges the origin itself: it is about a request to another host.
            if is_read and (req.path in MONITORING or req.path == VERIFY):
                return
            if req.method == "POST" and req.path == LOGOUT and self._is_sibling(origin):
                return
            raise OriginNotAllowedError
        if req.method == "OPTIONS" and req.get_header("Access-Control-Request-Method"):
            resp.set_header("Access-Control-Allow-Methods", ALLOWED_METHODS)
            resp.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)
            resp.set_header("Access-Control-Max-Age", str(MAX_AGE_SECONDS))
            resp.status = 204
            resp.complete = True

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        # Also without an Origin, so that no cache gives that answer to a page that sends one.
        resp.append_header("Vary", "Origin")
        origin = req.env.get("HTTP_ORIGIN")
        if origin in self._allowed_origins:
            resp.set_header("Access-Control-Allow-Origin", origin)
            resp.set_header("Access-Control-Allow-Credentials", "true")
            resp.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)

    def _is_sibling(self, origin: str) -> bool:
        """Whether a page of a host that shares the session sent it: that one can sign out anyway."""
        scheme, _, authority = origin.partition("://")
        return self._siblings is not None and self._siblings.include(scheme, authority.partition(":")[0])
