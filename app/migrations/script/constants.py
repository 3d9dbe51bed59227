"""What a string constant or quoted name means, by PostgreSQL's lexical rules."""

import re

_ESCAPE = re.compile(
    r"\\(?:(?P<hex>x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|(?P<octal>[0-7]{1,3})|(?P<other>.))"
    r"|(?P<quote>'')",
    re.DOTALL,
)
_NAMED_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = r"{0}(?:([0-9a-fA-F]{{4}})|\+([0-9a-fA-F]{{6}})|({0}))"
_LAST = 0x10FFFF


def value_of(written: str, *, escape: str = "\\") -> str:
    """The characters that a string constant or quoted name stands for.

    Args:
        written: the whole token: '…', E'…', U&'…', $$…$$, "…" or U&"…".
        escape: the character of a UESCAPE that follows.
    """
    if written.startswith("$"):
        tag = written[: written.index("$", 1) + 1]
        return written[len(tag) : -len(tag)]
    prefix, quote, rest = re.split("(['\"])", written, maxsplit=1)
    inner = rest[:-1]
    if prefix.upper() == "E":
        return _ESCAPE.sub(_unescaped, inner)
    plain = inner.replace(quote * 2, quote)
    if prefix.upper() == "U&" and len(escape) == 1:
        pattern = _UNICODE.format(re.escape(escape))
        return re.sub(pattern, lambda found: found[3] or _character(int(found[1] or found[2], 16)), plain)
    return plain


def _unescaped(found: re.Match[str]) -> str:
    if found["hex"]:
        return _character(int(found["hex"][1:], 16))
    if found["octal"]:
        return _character(int(found["octal"], 8))
    return "'" if found["quote"] else _NAMED_ESCAPES.get(found["other"], found["other"])


def _character(number: int) -> str:
    return chr(min(number, _LAST))
