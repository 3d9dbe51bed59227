"""Where a sign-in may lead back to: a path of the frontend, or a page of a sibling host."""

import re
from urllib.parse import quote, unquote

from app.errors import InvalidReturnToError
from app.settings.domains import Siblings

DEFAULT = "/dashboard"
MAX_BYTES = 600
"""What an attempt keeps: four of them must fit into 4 KiB of the Cookie header."""
MAX_DECODINGS = 5
MAX_PORT = 65535
DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_CHARACTERS = "/?#[]@!$&'()*+,;=%:-._~"
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>/.*)?", re.DOTALL
)
"""A URL without user name."""
_REFUSED = re.compile(
    r"(?!/)|//|.*/\.{1,2}(?:/|$)|.*[\\\x00-\x1f\x7f-\x9f\u2028\u2029\N{REPLACEMENT CHARACTER}]", re.DOTALL
)
"""Of a path: no slash at first, or two; a dot segment; a backslash, a control character or line separator;
bytes that are no UTF-8, as some software reads an overlong form as a slash."""


def checked_return_to(value: str | None, *, siblings: Siblings | None = None) -> str:
    """The path or URL to return to, ready for a Location header; DEFAULT where none was given.

    One of more than MAX_BYTES loses its query, or leads to the beginning of its host, or to DEFAULT.

    Args:
        value: a path under WEBAPP_URL, or a URL of a sibling host.
        siblings: the hosts that share the session, if any do.

    Raises:
        InvalidReturnToError: the path begins with `//`, has a dot segment, a backslash or a control
            character, one of these percent-encoded (also repeatedly), or is not UTF-8; another host.
    """
    if not value:
        return DEFAULT
    if siblings and (match := _URL.fullmatch(value)):
        origin = _checked_origin(match["scheme"], match["host"].lower(), match["port"], siblings)
        path = _checked_path(match["rest"] or "/")
        return _first_that_fits(origin + path, origin + _bare(path), f"{origin}/")
    path = _checked_path(value)
    return _first_that_fits(path, _bare(path))


def _checked_origin(scheme: str, host: str, port: str | None, siblings: Siblings) -> str:
    number = DEFAULT_PORTS[scheme] if port is None else int(port)
    if not 0 < number <= MAX_PORT or not siblings.include(scheme, host):
        raise InvalidReturnToError
    return f"{scheme}://{host}" if number == DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{number}"


def _checked_path(value: str) -> str:
    if any(_REFUSED.match(form) for form in _decoded_forms(_bare(value))):
        raise InvalidReturnToError
    try:
        # The query stays as it is: only the page that it belongs to reads it.
        return quote(value, safe=_URL_CHARACTERS)
    except UnicodeEncodeError as error:
        # A lone surrogate, which is no character.
        raise InvalidReturnToError from error


def _bare(path: str) -> str:
    """The path without its query and fragment."""
    return re.split(r"[?#]", path, maxsplit=1)[0]


def _first_that_fits(*places: str) -> str:
    return next((place for place in places if len(place) <= MAX_BYTES), DEFAULT)


def _decoded_forms(text: str) -> list[str]:
    """The text, and the results of decoding it again and again, until nothing changes."""
    forms = [text]
    while (decoded := unquote(forms[-1])) != forms[-1]:
        if len(forms) > MAX_DECODINGS:
            raise InvalidReturnToError
        forms.append(decoded)
    return forms
