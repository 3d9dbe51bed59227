"""Tells the outer layers which route a request took, and gives unknown methods a proper refusal."""

import falcon
from falcon.constants import COMBINED_METHODS

from app.middleware.request_log import ROUTE_KEY

KNOWN_METHODS = frozenset(COMBINED_METHODS)


class RouteMiddleware:
    """Leaves the route's template for the log line, and lets TRACE stand for every unknown method.

    No route answers TRACE: what Falcon would call a bad request becomes the 405 with Allow that a known but
    wrong method gets, or the path's 404.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.method not in KNOWN_METHODS:
            req.method = "TRACE"

    def process_response(
        self,
        req: falcon.Request,
        _resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        req.env[ROUTE_KEY] = req.uri_template
