"""Cuts the text of a migration into statements, and holds no more of it than the statement it is at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from app.migrations.script.tokens import Token, UnterminatedError, make_run, tokenize

_BLOCK = 1 << 18
_TELLING = frozenset({"CREATE", "OR", "REPLACE", "FUNCTION", "PROCEDURE", "BEGIN", "ATOMIC", "END"})
"""The words that _RoutineBody looks for."""
_LONGEST = max(map(len, _TELLING))
_RUN = make_run(_TELLING)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon and the comments around it.

    Attributes:
        text: what the server gets.
        start: bytes of the file before it.
        line: the number, from 1, of its first line.
    """

    text: bytes
    start: int
    line: int

    def tokens(self) -> Iterator[Token]:
        """Its tokens. They are found anew each time, as those of a long statement would fill the memory."""
        return tokenize(self.text)

    def text_of(self, token: Token) -> str:
        """What is written there."""
        return self.text[token.start : token.end].decode()

    def words(self) -> Iterator[str]:
        """Its unquoted names and keywords, in upper case."""
        return (self.text_of(token).upper() for token in self.tokens() if token.kind == "word")

    def first_words(self, count: int) -> tuple[str, ...]:
        """So many of its words, or all where it has fewer."""
        return tuple(islice(self.words(), count))

    def line_at(self, position: int) -> int:
        """The number of the line with its character at a position, from 0."""
        return self.line + self.text.decode().count("\n", 0, position)


def split_statements(lines: Iterable[bytes], *, at_once: int = _BLOCK) -> Iterator[Statement]:
    """The statements, in order; empty ones are left out.

    A semicolon ends no statement inside a string, quoted name, comment, parentheses (as in CREATE RULE), or
    the `BEGIN ATOMIC … END` of an SQL function.

    Args:
        lines: the text, with line feeds as line ends, in pieces of any length.
        at_once: bytes to read before looking for the ends of statements.

    Raises:
        UnterminatedError: a string, quoted name or comment does not end.
    """
    source = iter(lines)
    text, start, line = b"", 0, 1
    is_last = False
    while not is_last:
        # What follows a semicolon cannot change what stands before it. So what is complete is cut off, and
        # the rest begun again with at least twice as much text: a long statement is read about twice.
        more = _read(source, max(at_once, len(text)))
        is_last = not more
        text += more
        counted = cut = 0
        try:
            for begin, end, after in _spans(text):
                if after is None and not is_last:
                    break
                line += text.count(b"\n", counted, begin)
                yield Statement(text[begin:end], start + begin, line)
                counted, cut = begin, after or end
        except UnterminatedError as error:
            if is_last:
                lines_before = line - 1 - text.count(b"\n", 0, counted)
                raise UnterminatedError(error.what, start + error.start, lines_before + error.line) from error
        line += text.count(b"\n", counted, cut)
        start += cut
        text = text[cut:]


def _read(source: Iterator[bytes], size: int) -> bytes:
    """The next pieces, together at least of that size where there are as many."""
    pieces = []
    while size > 0 and (piece := next(source, b"")):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _spans(sql: bytes) -> Iterator[tuple[int, int, int | None]]:
    """Where each statement begins, where it ends, and what is after its semicolon; None without one."""
    begin, end = None, 0
    parentheses = 0
    body = _RoutineBody()
    for kind, start, stop in tokenize(sql, in_one=_RUN):
        text = sql[start:stop] if kind in {"other", "word"} and stop - start <= _LONGEST else b""
        if text == b";" and parentheses == 0 and not body.is_open:
            if begin is not None:
                yield begin, end, stop
            begin, body = None, _RoutineBody()
            continue
        begin = start if begin is None else begin
        end = stop
        parentheses = max(parentheses + (text in {b"(", b"["}) - (text in {b")", b"]"}), 0)
        if parentheses == 0 and body.is_possible:
            body.follow(text)
    if begin is not None:
        yield begin, end, None


class _RoutineBody:
    """Tells whether a CREATE FUNCTION or PROCEDURE is inside BEGIN ATOMIC … END.

    PostgreSQL's grammar wants a semicolon after each statement there. So an END closes the body only after a
    semicolon or ATOMIC, and any other END is a CASE's, or a name.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.is_possible = True
        self._first_words: list[bytes] = []
        self._before = b""

    def follow(self, text: bytes) -> None:
        """Takes the next token outside parentheses: a word, other characters, or nothing for the rest."""
        word = text.upper()
        if len(self._first_words) < 4:  # noqa: PLR2004  # CREATE OR REPLACE FUNCTION
            self._first_words.append(word)
            self.is_possible = _may_create_routine(self._first_words)
        elif self.is_open:
            self.is_open = not (word == b"END" and self._before in {b";", b"ATOMIC"})
        else:
            self.is_open = word == b"ATOMIC" and self._before == b"BEGIN"
        self._before = word


def _may_create_routine(first_words: list[bytes]) -> bool:
    words = [word for word in first_words if word not in {b"OR", b"REPLACE"}]
    return words[:1] == [b"CREATE"] and (words[1:2] in ([], [b"FUNCTION"], [b"PROCEDURE"]))
