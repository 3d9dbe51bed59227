"""CREATE INDEX CONCURRENTLY: which index it builds, and how far an earlier attempt came.

When it fails or is interrupted it leaves an index that is not valid: no query uses it, every write keeps it.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from app.migrations.script.statements import Statement
from app.migrations.script.tokens import Token

FIND = """
    SELECT namespace.nspname AS schema, class.relname AS name, index.indisvalid AS is_valid
    FROM pg_class AS target
    JOIN pg_namespace AS namespace ON namespace.oid = target.relnamespace
    JOIN pg_class AS class ON class.relnamespace = target.relnamespace AND class.relname = %s::name
    JOIN pg_index AS index ON index.indexrelid = class.oid AND index.indrelid = target.oid
    WHERE target.oid = to_regclass(%s)
"""
_NAMELESS = (
    "the index needs a name, so that an interrupted attempt is found: CREATE INDEX CONCURRENTLY name ON …"
)
_IF_NOT_EXISTS = (
    "IF NOT EXISTS would take the broken index of an interrupted attempt for a finished one. "
    "Leave it out: the runner looks after earlier attempts."
)
_UNICODE_NAME = "write the name with plain quotes instead of U&."


@dataclass(frozen=True, slots=True)
class ConcurrentIndex:
    """What the statement says.

    Attributes:
        name: as PostgreSQL stores it, but for its limit of 63 bytes.
        table: as written, with its schema if it has one.
    """

    name: str
    table: str


@dataclass(frozen=True, slots=True)
class FoundIndex:
    schema: str
    name: str
    is_valid: bool


def parse_concurrent_index(statement: Statement) -> tuple[ConcurrentIndex | None, str | None]:
    """The index that a statement builds concurrently, and what is wrong with it; None where it is another."""
    words = [token.text.upper() if token.kind == "word" else "" for token in statement.tokens]
    position = 2 if words[1:2] == ["UNIQUE"] else 1
    if words[:1] != ["CREATE"] or words[position : position + 2] != ["INDEX", "CONCURRENTLY"]:
        return None, None
    position += 2
    if words[position : position + 3] == ["IF", "NOT", "EXISTS"]:
        return None, f"CREATE INDEX CONCURRENTLY: {_IF_NOT_EXISTS}"
    if words[position : position + 1] in ([], ["ON"]):
        return None, f"CREATE INDEX CONCURRENTLY: {_NAMELESS}"
    name = statement.tokens[position]
    position += 2
    if words[position : position + 1] == ["ONLY"]:
        position += 1
    table = _qualified_name(statement.tokens[position:])
    if name.text[:2].upper() == "U&" or "U&" in table.upper():
        return None, f"CREATE INDEX CONCURRENTLY: {_UNICODE_NAME}"
    return ConcurrentIndex(_stored_name(name), table), None


def find_index(connection: psycopg.Connection[Any], index: ConcurrentIndex) -> FoundIndex | None:
    """The index of that name on that table, if there is one."""
    with connection.cursor(row_factory=class_row(FoundIndex)) as cursor:
        return cursor.execute(FIND, (index.name, index.table)).fetchone()


def drop_index(connection: psycopg.Connection[Any], found: FoundIndex) -> None:
    """Drops it without locking its table."""
    name = sql.Identifier(found.schema, found.name)
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))


def _stored_name(token: Token) -> str:
    if token.kind == "quoted":
        return token.text[1:-1].replace('""', '"')
    # PostgreSQL folds ASCII alone in a database of several bytes a character.
    return "".join(letter.lower() if letter.isascii() else letter for letter in token.text)


def _qualified_name(tokens: tuple[Token, ...]) -> str:
    parts: list[str] = []
    for token in tokens:
        is_dot = token.text == "."
        if is_dot != bool(len(parts) % 2):
            break
        parts.append(token.text)
    return "".join(parts)
