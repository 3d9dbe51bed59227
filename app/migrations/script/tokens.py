"""Finds where strings, comments and names begin and end, by PostgreSQL's lexical rules.

Follows src/backend/parser/scan.l with `standard_conforming_strings` on, which the runner sets. All it looks
for is ASCII, so it reads UTF-8 as bytes, which take a quarter of the memory of some texts.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["word", "quoted", "string", "other"]

# A name begins with a letter, _ or any character outside ASCII; digits may follow, and $ unless it is a
# dollar quote's tag. The sets list the excluded ASCII characters, which compiles several times as fast.
_FIRST = r"[^\x00-@\[-^`{-\x7f]"
_NEXT = r"[^\x00-/:-@\[-^`{-\x7f]"
_SPACE = r"[ \t\n\r\f\v]"
_TOKEN = re.compile(
    rf"""
    {_SPACE}*+
    (?:
      --[^\n\r]*+
    | (?P<comment>/\*)
    | (?P<escaped>[eE]'(?:[^'\\]++|\\.|'')*+')
    | (?P<string>(?:[uU]&|[bBnNxX])?'(?:[^']++|'')*+')
    | (?P<quoted>(?:[uU]&)?"(?:[^"]++|"")*+")
    | (?P<open_string>(?:[uU]&|[bBeEnNxX])?')
    | (?P<open_quoted>(?:[uU]&)?")
    | (?P<dollar>\$(?:{_FIRST}{_NEXT}*+)?\$)
    | (?P<word>{_FIRST}(?:{_NEXT}|\$)*+)
    | (?P<other>[0-9,=+*<>]++ | .)
    )
    """.encode(),
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
# A string continues after white space with a line end in it; the continuation of an E'' string is one, too.
_CONTINUATION = re.compile(rb"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+'")
_ESCAPED_REST = re.compile(rb"(?:[^'\\]++|\\.|'')*+'", re.DOTALL)
_OPEN = {"open_string": "A string", "open_quoted": "A quoted name"}


class Token(NamedTuple):
    """Anything but white space and comments.

    Attributes:
        kind: word (unquoted name or keyword), quoted ("name"), string, or other (each bracket and semicolon
            alone).
        start: bytes of the text before it.
        end: where it ends.
    """

    kind: Kind
    start: int
    end: int


class UnterminatedError(Exception):
    """A string, quoted name or comment does not end.

    Attributes:
        what: which of them.
        start: bytes of the text before it.
        line: the number, from 1, of the line where it begins.
    """

    def __init__(self, what: str, start: int, line: int) -> None:
        super().__init__(f"{what} at {start} does not end")
        self.what = what
        self.start = start
        self.line = line


def tokenize(sql: bytes, *, in_one: re.Pattern[bytes] | None = None) -> Iterator[Token]:
    """The tokens, in order.

    Args:
        sql: the text.
        in_one: what is to come as one token of the kind other, since nobody asks for its parts: make_run's.

    Raises:
        UnterminatedError: at the first one that does not end.
    """
    position = 0
    while True:
        if in_one and (match := in_one.match(sql, position)):
            position = match.end()
            yield Token("other", match.start("run"), position)
        match = _TOKEN.match(sql, position)
        if match is None:
            return
        position = match.end()
        match match.lastgroup:
            case "word" | "other" | "string" | "quoted" as kind:
                yield Token(kind, match.start(kind), position)
            case "comment":
                position = _end_of_block_comment(sql, match.start("comment"))
            case "escaped":
                start = match.start("escaped")
                position = _end_of_escaped(sql, start, position)
                yield Token("string", start, position)
            case "dollar":
                start = match.start("dollar")
                position = _end_of_dollar_quote(sql, start, match["dollar"])
                yield Token("string", start, position)
            case "open_string" | "open_quoted" as kind:
                raise _unterminated(_OPEN[kind], sql, match.start(kind))
            case _:
                pass  # a comment to the line's end


def make_run(but: frozenset[str]) -> re.Pattern[bytes]:
    """The pattern of plain strings, numbers and words but these."""
    words = "|".join(sorted(but))
    return re.compile(
        rf"""
        {_SPACE}*+
        (?P<run>(?:
            {_SPACE}*+
            (?: [0-9,.=+*<>]++
            |   '(?:[^']++|'')*+'
            |   (?! [eE]' | (?i:{words}) (?!{_NEXT}|\$) ) {_FIRST}(?:{_NEXT}|\$)*+
            )
        )++)
        """.encode(),
        re.VERBOSE,
    )


def _end_of_escaped(sql: bytes, start: int, position: int) -> int:
    while match := _CONTINUATION.match(sql, position):
        rest = _ESCAPED_REST.match(sql, match.end())
        if rest is None:
            raise _unterminated("A string", sql, start)
        position = rest.end()
    return position


def _end_of_dollar_quote(sql: bytes, start: int, tag: bytes) -> int:
    end = sql.find(tag, start + len(tag))
    if end < 0:
        raise _unterminated(f"A string in {tag.decode()}", sql, start)
    return end + len(tag)


def _end_of_block_comment(sql: bytes, start: int) -> int:
    depth = 0
    for match in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if match[0] == b"/*" else -1
        if depth == 0:
            return match.end()
    raise _unterminated("A comment", sql, start)


def _unterminated(what: str, sql: bytes, start: int) -> UnterminatedError:
    return UnterminatedError(what, start, sql.count(b"\n", 0, start) + 1)
