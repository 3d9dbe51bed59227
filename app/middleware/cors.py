"""Cross-origin resource sharing (Fetch standard, section 3.2) for exact origins, with credentials."""

import falcon

from app.errors import OriginNotAllowedError
from app.web.paths import MONITORING, VERIFY

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

    def __init__(self, allowed_origins: frozenset[str]) -> None:
        self._allowed_origins = allowed_origins

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        origin = req.env.get("HTTP_ORIGIN")
        if origin is None:
            return
        if origin not in self._allowed_origins:
            if req.method in {"GET", "HEAD"} and (req.path in MONITORING or _is_the_pages_own(req, origin)):
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


def _is_the_pages_own(req: falcon.Request, origin: str) -> bool:
    """Whether a proxy asks about a request that a page behind it sends to its own host.

    The proxy writes the request's target into X-Forwarded-*, the browser writes the page's origin into
    Origin. Requests of other pages stay refused, which protects the application behind the proxy, too.
    """
    if req.path != VERIFY:
        return False
    proto = req.get_header("X-Forwarded-Proto", default="")
    # Some proxies send ws or wss for a websocket, while its Origin has the page's scheme.
    scheme = {"wss": "https", "ws": "http"}.get(proto, proto)
    return origin == f"{scheme}://{req.get_header('X-Forwarded-Host')}"
