"""Three short layers that refuse requests: from another site, with an API token, too long."""

import falcon

from app.accounts.credentials import is_api_token
from app.errors import BearerNotAllowedError, BodyTooLargeError, CrossSiteRequestError
from app.web.authentication import api_token
from app.web.environ import ROUTE_KEY
from app.web.json_body import MAX_BODY_BYTES
from app.web.paths import ACCESS_TOKEN, AUTH_PREFIX, SAFE_METHODS


class CrossSiteMiddleware:
    """An unsafe request with a cookie needs an allowed Origin, or `Sec-Fetch-Site: same-origin`.

    A well-formed API token is exempt, as no site can make a browser send one.

    CORSMiddleware comes first and refuses every Origin that is not allowed, so this layer only refuses
    requests without an Origin.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if (
            req.method in SAFE_METHODS
            or req.get_header("Cookie") is None
            or is_api_token(api_token(req.env) or "")
        ):
            return
        if req.get_header("Origin") is None and req.get_header("Sec-Fetch-Site") != "same-origin":
            raise CrossSiteRequestError


class BearerMiddleware:
    """Lets an API token, valid or not, read under /auth and fetch access tokens, and do nothing else."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.method in SAFE_METHODS or api_token(req.env) is None:
            return
        route = req.env[ROUTE_KEY] or ""
        if route.startswith(AUTH_PREFIX) and route != ACCESS_TOKEN:
            raise BearerNotAllowedError


class BodyLimitMiddleware:
    """Goes by Content-Length. app.web.json_body counts a body without one while it reads it."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if (req.content_length or 0) > MAX_BODY_BYTES:
            raise BodyTooLargeError
