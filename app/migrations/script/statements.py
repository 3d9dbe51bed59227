"""Cuts the text of a migration into statements."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.migrations.script.tokens import Token, tokenize

_OPENING = frozenset("([")
_CLOSING = frozenset(")]")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon and the comments around it.

    Attributes:
        text: what the server gets.
        start: characters of the file before it.
        tokens: its tokens.
    """

    text: str
    start: int
    tokens: tuple[Token, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Its unquoted names and keywords, in upper case."""
        return tuple(token.text.upper() for token in self.tokens if token.kind == "word")


def split_statements(sql: str) -> list[Statement]:
    """The statements, in order; empty ones are left out.

    A semicolon ends no statement inside a string, quoted name, comment, parentheses (as in CREATE RULE), or
    the `BEGIN ATOMIC … END` of an SQL function.

    Raises:
        UnterminatedError: a string, quoted name or comment does not end.
    """
    return [_statement(sql, tokens) for tokens in _groups(tokenize(sql)) if tokens]


def _statement(sql: str, tokens: list[Token]) -> Statement:
    start, end = tokens[0].start, tokens[-1].end
    return Statement(sql[start:end], start, tuple(tokens))


def _groups(tokens: Iterator[Token]) -> Iterator[list[Token]]:
    group: list[Token] = []
    parentheses = 0
    body = _AtomicBody()
    for token in tokens:
        if token.kind == "other" and token.text == ";" and parentheses == 0 and not body.is_open:
            yield group
            group, body = [], _AtomicBody()
            continue
        group.append(token)
        if token.kind == "other":
            parentheses += (token.text in _OPENING) - (token.text in _CLOSING)
            parentheses = max(parentheses, 0)
        body.follow(token)
    yield group


class _AtomicBody:
    """Tells whether a CREATE FUNCTION or PROCEDURE is inside BEGIN ATOMIC … END; a CASE there has an END."""

    def __init__(self) -> None:
        self._depth = 0
        self._first_words: list[str] = []
        self._before = ""

    @property
    def is_open(self) -> bool:
        return self._depth > 0

    def follow(self, token: Token) -> None:
        word = token.text.upper() if token.kind in {"word", "other"} else ""
        if len(self._first_words) < 4:  # noqa: PLR2004  # CREATE OR REPLACE FUNCTION
            self._first_words.append(word)
        if self._depth == 0:
            if word == "ATOMIC" and self._before == "BEGIN" and self._creates_routine():
                self._depth = 1
        elif self._before not in {"AS", "."}:  # after these words, CASE and END are names
            self._depth += (word == "CASE") - (word == "END")
        self._before = word

    def _creates_routine(self) -> bool:
        words = [word for word in self._first_words if word not in {"OR", "REPLACE"}]
        return words[:1] == ["CREATE"] and words[1:2] in (["FUNCTION"], ["PROCEDURE"])
