"""Which index a CREATE INDEX CONCURRENTLY builds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from app.migrations.script.statements import Statement

_NAMELESS = (
    "the index needs a name, so that an interrupted attempt is found: CREATE INDEX CONCURRENTLY name ON …"
)
_IF_NOT_EXISTS = (
    "IF NOT EXISTS would take the broken index of an interrupted attempt for a finished one. "
    "Leave it out: the runner looks after earlier attempts."
)
_ENOUGH = 20
"""Tokens up to the table's name, at most: CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY schema.table."""
_UNICODE_NAME = "write the name with plain quotes instead of U&."


@dataclass(frozen=True, slots=True)
class ConcurrentIndex:
    """The index that the statement names.

    Attributes:
        name: as PostgreSQL stores it, apart from the limit of 63 bytes.
        table: as written, with its schema if it has one.
    """

    name: str
    table: str


def parse_concurrent_index(statement: Statement) -> tuple[ConcurrentIndex | None, str | None]:
    """The index that a statement builds concurrently, and what is wrong with it; each may be None."""
    tokens = list(islice(statement.tokens(), _ENOUGH))
    texts = [statement.text_of(token) for token in tokens]
    words = [text.upper() if token.kind == "word" else "" for token, text in zip(tokens, texts, strict=True)]
    position = 2 if words[1:2] == ["UNIQUE"] else 1
    if words[:1] != ["CREATE"] or words[position : position + 2] != ["INDEX", "CONCURRENTLY"]:
        return None, None
    position += 2
    if words[position : position + 3] == ["IF", "NOT", "EXISTS"]:
        return None, f"CREATE INDEX CONCURRENTLY: {_IF_NOT_EXISTS}"
    if words[position : position + 1] in ([], ["ON"]):
        return None, f"CREATE INDEX CONCURRENTLY: {_NAMELESS}"
    name = texts[position]
    position += 2
    if words[position : position + 1] == ["ONLY"]:
        position += 1
    table = _qualified_name(texts[position:])
    if name[:2].upper() == "U&" or "U&" in table.upper():
        return None, f"CREATE INDEX CONCURRENTLY: {_UNICODE_NAME}"
    return ConcurrentIndex(_stored_name(name), table), None


def _stored_name(name: str) -> str:
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    # In a UTF-8 database PostgreSQL lower-cases ASCII letters only.
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _qualified_name(texts: Sequence[str]) -> str:
    parts: list[str] = []
    for text in texts:
        is_dot = text == "."
        if is_dot != bool(len(parts) % 2):
            break
        parts.append(text)
    return "".join(parts)
