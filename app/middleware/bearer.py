"""Keeps bearer tokens to reading: what they may do is less than what their owners may."""

import falcon

from app.errors import BearerNotAllowedError
from app.web.bearer import bearer_token
from app.web.environ import ROUTE_KEY

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class BearerMiddleware:
    """Refuses whatever else a bearer asks for under /auth, whether or not its token is any good."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.method in READING_METHODS or bearer_token(req) is None:
            return
        if (req.env[ROUTE_KEY] or "").startswith("/auth/"):
            raise BearerNotAllowedError
