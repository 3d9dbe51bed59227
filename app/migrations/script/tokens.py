"""Finds where strings, comments and names begin and end, by PostgreSQL's lexical rules.

Follows src/backend/parser/scan.l with `standard_conforming_strings` on, which the runner sets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "quoted", "string", "other"]

# A name begins with a letter, _ or any character outside ASCII; digits may follow, and $ unless it is a
# dollar quote's tag. The sets list the excluded ASCII characters, which compiles several times as fast.
_FIRST = r"[^\x00-@\[-^`{-\x7f]"
_NEXT = r"[^\x00-/:-@\[-^`{-\x7f]"
_START = re.compile(
    rf"""
      (?P<space>[ \t\n\r\f\v]++)
    | (?P<line_comment>--[^\n\r]*+)
    | (?P<block_comment>/\*)
    | (?P<escaped>[eE]')
    | (?P<string>(?:[uU]&|[bBnNxX])?')
    | (?P<quoted>(?:[uU]&)?")
    | (?P<dollar>\$(?:{_FIRST}{_NEXT}*+)?\$)
    | (?P<word>{_FIRST}(?:{_NEXT}|\$)*+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_STRING_REST = re.compile(r"(?:[^']|'')*+'")
_ESCAPED_REST = re.compile(r"(?:[^'\\]|\\.|'')*+'", re.DOTALL)
_QUOTED_REST = re.compile(r'(?:[^"]|"")*+"')
_COMMENT_EDGE = re.compile(r"/\*|\*/")
# A string continues after white space with a line end in it; the continuation of an E'' string is one, too.
_CONTINUATION = re.compile(r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+'")


@dataclass(frozen=True, slots=True)
class Token:
    """Anything but white space and comments.

    Attributes:
        kind: word (unquoted name or keyword), quoted ("name"), string or other (one character).
        text: as written.
        start: characters of the text before it.
    """

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class UnterminatedError(Exception):
    """A string, quoted name or comment does not end.

    Attributes:
        what: which of them.
        start: characters of the text before it.
    """

    def __init__(self, what: str, start: int) -> None:
        super().__init__(f"{what} at {start} does not end")
        self.what = what
        self.start = start


def tokenize(sql: str) -> Iterator[Token]:
    """The tokens, in order.

    Raises:
        UnterminatedError: at the first one that does not end.
    """
    position = 0
    while match := _START.match(sql, position):
        start, position = position, match.end()
        match match.lastgroup:
            case "space" | "line_comment":
                pass
            case "block_comment":
                position = _end_of_block_comment(sql, start)
            case "escaped":
                position = _end_of_escaped(sql, start, position)
                yield Token("string", sql[start:position], start)
            case "string":
                position = _end(_STRING_REST, sql, start, position, "A string")
                yield Token("string", sql[start:position], start)
            case "quoted":
                position = _end(_QUOTED_REST, sql, start, position, "A quoted name")
                yield Token("quoted", sql[start:position], start)
            case "dollar":
                position = _end_of_dollar_quote(sql, start, match[0])
                yield Token("string", sql[start:position], start)
            case "word":
                yield Token("word", match[0], start)
            case _:
                yield Token("other", match[0], start)


def _end(rest: re.Pattern[str], sql: str, start: int, position: int, what: str) -> int:
    match = rest.match(sql, position)
    if match is None:
        raise UnterminatedError(what, start)
    return match.end()


def _end_of_escaped(sql: str, start: int, position: int) -> int:
    position = _end(_ESCAPED_REST, sql, start, position, "A string")
    while match := _CONTINUATION.match(sql, position):
        position = _end(_ESCAPED_REST, sql, start, match.end(), "A string")
    return position


def _end_of_dollar_quote(sql: str, start: int, tag: str) -> int:
    end = sql.find(tag, start + len(tag))
    if end < 0:
        raise UnterminatedError(f"A string in {tag}", start)
    return end + len(tag)


def _end_of_block_comment(sql: str, start: int) -> int:
    depth = 0
    for match in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    raise UnterminatedError("A comment", start)
