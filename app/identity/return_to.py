"""Where a sign-in may lead back to: a path of the frontend, never another site."""

import re
import unicodedata
from urllib.parse import quote, unquote

from app.errors import InvalidReturnToError

DEFAULT = "/dashboard"
MAX_LENGTH = 2000
"""Characters of the encoded path; the attempt that carries it must fit into a cookie of 4,096."""
MAX_DECODINGS = 5
_URL_CHARACTERS = "/?#[]@!$&'()*+,;=%:-._~"
_NOT_UTF_8 = "\N{REPLACEMENT CHARACTER}"
"""What decoding makes of other bytes; some readers take an overlong form for a slash."""
_DOT_SEGMENT = re.compile(r"/\.{1,2}(/|$)")


def checked_return_to(value: str | None) -> str:
    """The path to return to, ready for a Location header; DEFAULT when none was asked for.

    Raises:
        InvalidReturnToError: for a scheme, `//`, a backslash, a dot segment, a control character,
            any of these percent-encoded, however often, or what is not UTF-8.
    """
    if not value:
        return DEFAULT
    if len(value) > MAX_LENGTH:
        raise InvalidReturnToError
    path = re.split(r"[?#]", value, maxsplit=1)[0]
    for form in _decoded_forms(path):
        if not form.startswith("/") or "//" in form or _DOT_SEGMENT.search(form):
            raise InvalidReturnToError
    for form in _decoded_forms(value):
        if "\\" in form or _NOT_UTF_8 in form or any(_is_control(character) for character in form):
            raise InvalidReturnToError
    path = quote(value, safe=_URL_CHARACTERS)
    if len(path) > MAX_LENGTH:
        raise InvalidReturnToError
    return path


def _decoded_forms(text: str) -> list[str]:
    """The text, and what each further percent-decoding makes of it."""
    forms = [text]
    while (decoded := unquote(forms[-1])) != forms[-1]:
        if len(forms) > MAX_DECODINGS:
            raise InvalidReturnToError
        forms.append(decoded)
    return forms


def _is_control(character: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: controls, format characters, surrogates; Zl and Zp: line separators.
    return unicodedata.category(character)[0] == "C" or unicodedata.category(character) in {"Zl", "Zp"}
