"""Refuses unsafe requests that another site made somebody's browser send (CSRF)."""

import falcon

from app.errors import CrossSiteRequestError
from app.web.bearer import bearer_token

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteMiddleware:
    """An unsafe request with a cookie needs an allowed Origin, or `Sec-Fetch-Site: same-origin`.

    A bearer token is no matter of the browser's: no other site can make it send one.

    Stands behind CORSMiddleware, which has refused every Origin that is not allowed; what is left to
    refuse is a request that names none.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.method in SAFE_METHODS or req.get_header("Cookie") is None or bearer_token(req) is not None:
            return
        if req.get_header("Origin") is None and req.get_header("Sec-Fetch-Site") != "same-origin":
            raise CrossSiteRequestError
