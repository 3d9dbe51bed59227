"""Refuses bodies that nobody here would read, before anything is done with them."""

import falcon

from app.errors import BodyTooLargeError

MAX_BODY_BYTES = 64 * 1024


class BodyLimitMiddleware:
    """Goes by Content-Length; a body without one is counted as it is read."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if (req.content_length or 0) > MAX_BODY_BYTES:
            raise BodyTooLargeError
