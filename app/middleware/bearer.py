"""Refuses requests that would change something with a bearer token."""

import falcon

from app.errors import BearerNotAllowedError
from app.web.authentication import bearer_token
from app.web.environ import ROUTE_KEY
from app.web.methods import SAFE_METHODS
from app.web.paths import AUTH_PREFIX


class BearerMiddleware:
    """Lets a bearer token read under /auth, and nothing else, whether the token is valid or not."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.method in SAFE_METHODS or bearer_token(req.env) is None:
            return
        if (req.env[ROUTE_KEY] or "").startswith(AUTH_PREFIX):
            raise BearerNotAllowedError
