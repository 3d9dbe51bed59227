"""Where a sign-in may lead back to: a path of the frontend, or a page of a sibling host."""

import re
from urllib.parse import quote, unquote

from app.errors import InvalidReturnToError
from app.settings.domains import is_under

DEFAULT = "/dashboard"
MAX_BYTES = 600
"""What an attempt keeps: four of them must fit into 4 KiB of the Cookie header."""
MAX_DECODINGS = 5
MAX_PORT = 65535
HTTPS_PORT = 443
_URL_CHARACTERS = "/?#[]@!$&'()*+,;=%:-._~"
_URL = re.compile(r"https://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>/.*)?", re.DOTALL)
"""An https URL without user name."""
_REFUSED = re.compile(
    r"(?!/)|//|.*/\.{1,2}(?:/|$)|.*[\\\x00-\x1f\x7f-\x9f\u2028\u2029\N{REPLACEMENT CHARACTER}]", re.DOTALL
)
"""Of a path: no slash at first, or two; a dot segment; a backslash, a control character or line separator;
bytes that are no UTF-8, as some software reads an overlong form as a slash."""


def checked_return_to(value: str | None, *, cookie_domain: str | None = None) -> str:
    """The path or URL to return to, ready for a Location header; DEFAULT where none was given.

    One of more than MAX_BYTES loses its query, or leads to the beginning of its host, or to DEFAULT.

    Args:
        value: a path under WEBAPP_URL, or with COOKIE_DOMAIN an https URL under that domain.
        cookie_domain: COOKIE_DOMAIN.

    Raises:
        InvalidReturnToError: the path begins with `//`, has a dot segment, a backslash or a control
            character, one of these percent-encoded (also repeatedly), or is not UTF-8; another host.
    """
    if not value:
        return DEFAULT
    if cookie_domain and (match := _URL.fullmatch(value)):
        origin = _checked_origin(match["host"].lower(), match["port"], cookie_domain)
        path = _checked_path(match["rest"] or "/")
        return _first_that_fits(origin + path, origin + _bare(path), f"{origin}/")
    path = _checked_path(value)
    return _first_that_fits(path, _bare(path))


def _checked_origin(host: str, port: str | None, cookie_domain: str) -> str:
    is_port = port is None or 0 < int(port) <= MAX_PORT
    if not is_port or not is_under(host, cookie_domain):
        raise InvalidReturnToError
    return f"https://{host}" if port is None or int(port) == HTTPS_PORT else f"https://{host}:{int(port)}"


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
