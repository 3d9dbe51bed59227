"""Refuses unsafe requests that another site made a browser send (CSRF)."""

import falcon

from app.errors import CrossSiteRequestError
from app.web.authentication import bearer_token
from app.web.methods import SAFE_METHODS


class CrossSiteMiddleware:
    """An unsafe request with a cookie needs an allowed Origin, or `Sec-Fetch-Site: same-origin`.

    A bearer token is exempt, as no site can make a browser send one.

    CORSMiddleware comes first and refuses every Origin that is not allowed, so this layer only refuses
    requests without an Origin.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if (
            req.method in SAFE_METHODS
            or req.get_header("Cookie") is None
            or bearer_token(req.env) is not None
        ):
            return
        if req.get_header("Origin") is None and req.get_header("Sec-Fetch-Site") != "same-origin":
            raise CrossSiteRequestError
