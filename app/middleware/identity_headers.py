"""Empties the identity of whoever is refused before anybody asked who they are."""

import falcon

from app.web.environ import ROUTE_KEY
from app.web.paths import IDENTITY_HEADERS, VERIFY_PATH


class IdentityHeadersMiddleware:
    """Gives each answer of /auth/verify all the identity headers, empty where nobody is known."""

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        if req.env.get(ROUTE_KEY) == VERIFY_PATH:
            for name in IDENTITY_HEADERS:
                if resp.get_header(name) is None:
                    resp.set_header(name, "")
