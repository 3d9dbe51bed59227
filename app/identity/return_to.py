"""Where a sign-in may lead back to: a path of the frontend, or a page of a sibling host."""

import re
import unicodedata
from urllib.parse import quote, unquote

from app.errors import InvalidReturnToError

DEFAULT = "/dashboard"
MAX_BYTES = 600
"""What an attempt keeps: four of them must fit into 4 KiB of the Cookie header."""
MAX_DECODINGS = 5
_URL_CHARACTERS = "/?#[]@!$&'()*+,;=%:-._~"
_NOT_UTF_8 = "\N{REPLACEMENT CHARACTER}"
"""What decoding makes of invalid bytes. Some software reads an overlong form as a slash."""
_URL = re.compile(r"https://(?P<host>[A-Za-z0-9.-]+)(?P<rest>/.*)?", re.DOTALL)
"""An https URL without user name and port."""
_DOT_SEGMENT = re.compile(r"/\.{1,2}(/|$)")


def checked_return_to(value: str | None, *, cookie_domain: str | None = None) -> str:
    """The path or URL to return to, ready for a Location header; DEFAULT where none was given.

    One of more than MAX_BYTES loses its query, or leads to the beginning of its host, or to DEFAULT.

    Args:
        value: a path under WEBAPP_URL, or with COOKIE_DOMAIN an https URL under that domain.
        cookie_domain: COOKIE_DOMAIN.

    Raises:
        InvalidReturnToError: it has a scheme, `//`, a backslash, a dot segment, a control character, one of
            these percent-encoded (also repeatedly), or is not UTF-8.
    """
    if not value:
        return DEFAULT
    if cookie_domain and (match := _URL.fullmatch(value)):
        host = match["host"].lower()
        if not f".{host}".endswith(f".{cookie_domain}"):
            raise InvalidReturnToError
        path = _checked_path(match["rest"] or "/")
        return _first_that_fits(f"https://{host}{path}", f"https://{host}{_bare(path)}", f"https://{host}/")
    path = _checked_path(value)
    return _first_that_fits(path, _bare(path))


def _checked_path(value: str) -> str:
    for form in _decoded_forms(_bare(value)):
        if not form.startswith("/") or "//" in form or _DOT_SEGMENT.search(form):
            raise InvalidReturnToError
    for form in _decoded_forms(value):
        if "\\" in form or _NOT_UTF_8 in form or any(_is_control(character) for character in form):
            raise InvalidReturnToError
    return quote(value, safe=_URL_CHARACTERS)


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


def _is_control(character: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: controls, format characters, surrogates; Zl and Zp: line separators.
    return unicodedata.category(character)[0] == "C" or unicodedata.category(character) in {"Zl", "Zp"}
