"""Reads the JSON object in a request's body, and checks its fields."""

import json
from typing import Any, NoReturn

import falcon

from app.accounts.profile import MAX_NAME_LENGTH, MAX_PICTURE_LENGTH, has_control_characters, is_picture_url
from app.errors import BodyTooLargeError, InvalidFieldError, InvalidJSONError, UnsupportedMediaTypeError

MAX_BODY_BYTES = 64 * 1024
MAX_DAYS = 3650
MAX_AUDIENCE_LENGTH = 200


def read_object(req: falcon.Request, fields: frozenset[str], *, may_be_empty: bool = False) -> dict[str, Any]:
    """The body's JSON object; a body of no bytes and no type is an empty one.

    Args:
        req: the request.
        fields: those that the object may have.
        may_be_empty: whether no bytes of JSON are an empty object, too, as where each field is optional.

    Raises:
        BodyTooLargeError, UnsupportedMediaTypeError, InvalidJSONError, InvalidFieldError.
    """
    body = read_body(req)
    if not body and req.content_type is None:
        return {}
    if media_type(req) != "application/json":
        raise UnsupportedMediaTypeError
    if not body and may_be_empty:
        return {}
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidJSONError from error
    if not isinstance(value, dict):
        raise InvalidFieldError("The body must be a JSON object.")
    if unknown := sorted(set(value) - fields):
        raise InvalidFieldError(f"Unknown field: {unknown[0][:100]!a}.")
    return value


def media_type(req: falcon.Request) -> str:
    """The body's media type in lower case, without parameters; empty where the request names none."""
    return (req.content_type or "").partition(";")[0].strip().lower()


def read_body(req: falcon.Request) -> bytes:
    """The body's bytes.

    Raises:
        BodyTooLargeError: there are more than MAX_BODY_BYTES.
    """
    # A chunked body has no Content-Length; gunicorn ends the stream itself.
    stream = req.stream if req.env.get("wsgi.input_terminated") else req.bounded_stream
    try:
        body = stream.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        # Chunks so small that their frames alone are more than the server waits for.
        raise BodyTooLargeError from error
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    return bytes(body)


def name_field(body: dict[str, Any]) -> str | None:
    """The `name`: 1 to 200 characters without control characters; None where absent or null.

    Blanks around it are dropped, and it must have other characters than blanks.
    """
    name = _text_field(body, "name", MAX_NAME_LENGTH)
    return None if name is None else _checked_length(name.strip(), "name", MAX_NAME_LENGTH)


def picture_field(body: dict[str, Any]) -> str | None:
    """The `picture`: an https URL of at most 2,000 characters; None where absent or null."""
    url = _text_field(body, "picture", MAX_PICTURE_LENGTH)
    if url is not None and not is_picture_url(url):
        raise InvalidFieldError("picture must be an https URL in ASCII.")
    return url


def days_field(body: dict[str, Any], field: str) -> int | None:
    """A whole number of days, 1 to 3,650; None where absent or null."""
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        # JSON has one kind of number, so 30.0 is 30.
        value = int(value)
    # In Python, True is an int.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_DAYS:
        raise InvalidFieldError(f"{field} must be a whole number from 1 to {MAX_DAYS}.")
    return value


def audience_field(body: dict[str, Any]) -> str | None:
    """The `audience`, of 1 to 200 characters; None where absent or null."""
    return _text_field(body, "audience", MAX_AUDIENCE_LENGTH)


def _text_field(body: dict[str, Any], field: str, max_length: int) -> str | None:
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidFieldError(f"{field} must be text.")
    if has_control_characters(value):
        raise InvalidFieldError(f"{field} must not contain control characters.")
    return _checked_length(value, field, max_length)


def _checked_length(text: str, field: str, max_length: int) -> str:
    if not 1 <= len(text) <= max_length:
        raise InvalidFieldError(f"{field} must have 1 to {max_length} characters.")
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
