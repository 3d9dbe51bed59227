"""Finds the route of a request before any other layer decides about it."""

from typing import Any

import falcon
from falcon.routing import CompiledRouter

from app.web.environ import ROUTE_KEY

_FOUND = "connected_backend.found"


class Router(CompiledRouter):
    """Routes each request once: Falcon, which asks last, gets what RouteMiddleware has found."""

    def find(self, uri: str, req: falcon.Request | None = None) -> Any:  # noqa: ANN401  # Falcon's tuple
        if req is not None and _FOUND in req.env:
            return req.env[_FOUND]
        return super().find(uri, req)


class RouteMiddleware:
    """Puts the route's template into the environ.

    Falcon routes after its middleware, but limits and metrics need the route of refused requests, too.
    """

    def __init__(self, router: Router) -> None:
        self._router = router

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        found = req.env[_FOUND] = self._router.find(req.path)
        req.env[ROUTE_KEY] = found[3] if found else None
