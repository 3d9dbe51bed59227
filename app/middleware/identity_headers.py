"""Sets the identity headers on answers that other layers refused."""

import falcon

from app.web.environ import ROUTE_KEY
from app.web.media import IDENTITY_HEADERS
from app.web.paths import VERIFY


class IdentityHeadersMiddleware:
    """Gives each answer of /auth/verify all identity headers, empty where the resource has set none."""

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        if req.env.get(ROUTE_KEY) == VERIFY:
            for name in IDENTITY_HEADERS:
                if resp.get_header(name) is None:
                    resp.set_header(name, "")
