"""Refuses bodies that are too long, before anything else is done with the request."""

import falcon

from app.errors import BodyTooLargeError
from app.web.json_body import MAX_BODY_BYTES


class BodyLimitMiddleware:
    """Goes by Content-Length. app.web.json_body counts a body without one while it reads it."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if (req.content_length or 0) > MAX_BODY_BYTES:
            raise BodyTooLargeError
