"""Finds the route before anything is decided."""

import falcon
from falcon.routing import CompiledRouter

from app.web.environ import ROUTE_KEY


class RouteMiddleware:
    """Leaves the route's template for everybody else.

    Falcon routes after its middleware; limits and metrics have to know the route of a request that is
    refused before that, too.
    """

    def __init__(self, router: CompiledRouter) -> None:
        self._router = router

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        found = self._router.find(req.path)
        req.env[ROUTE_KEY] = found[3] if found else None
