"""Reads the form in a request's body."""

from urllib.parse import parse_qs

import falcon

from app.errors import UnsupportedMediaTypeError
from app.web.json_body import media_type, read_body

MAX_FIELDS = 20


def read_form(req: falcon.Request) -> dict[str, list[str]]:
    """The fields of a form by name; none where it is broken.

    Raises:
        BodyTooLargeError, UnsupportedMediaTypeError.
    """
    body = read_body(req)
    if media_type(req) != falcon.MEDIA_URLENCODED:
        raise UnsupportedMediaTypeError
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
