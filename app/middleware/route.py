"""Finds the route of a request before any other layer decides about it."""

import falcon
from falcon.routing import CompiledRouter

from app.web.environ import ROUTE_KEY


class RouteMiddleware:
    """Puts the route's template into the environ.

    Falcon routes after its middleware, but limits and metrics need the route of refused requests, too.
    """

    def __init__(self, router: CompiledRouter) -> None:
        self._router = router

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        found = self._router.find(req.path)
        req.env[ROUTE_KEY] = found[3] if found else None
