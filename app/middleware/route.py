"""Finds the route before anything is decided, and gives unknown methods a proper refusal."""

import falcon
from falcon.constants import COMBINED_METHODS
from falcon.routing import CompiledRouter

from app.wsgi_environ import ROUTE_KEY

KNOWN_METHODS = frozenset(COMBINED_METHODS)


class RouteMiddleware:
    """Leaves the route's template for everybody else, and lets TRACE stand for every unknown method.

    Falcon routes after its middleware; limits and metrics have to know the route of a request that is
    refused before that, too.

    No route answers TRACE: what Falcon would call a bad request becomes the 405 with Allow that a known but
    wrong method gets, or the path's 404.
    """

    def __init__(self, router: CompiledRouter) -> None:
        self._router = router

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        found = self._router.find(req.path)
        req.env[ROUTE_KEY] = found[3] if found else None
        if req.method not in KNOWN_METHODS:
            req.method = "TRACE"
