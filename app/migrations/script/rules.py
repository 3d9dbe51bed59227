"""Which statements a migration may hold: a file is applied as a whole or not at all."""

import re

from app.migrations.script.reading import READING_FAULT, changes_reading
from app.migrations.script.statements import Statement

_ADD_DIRECTIVE = (
    "it cannot run in a transaction. Give it a file of its own that begins with: -- migrate: no-transaction"
)
_OWN_TRANSACTION = "the runner begins and ends the transaction of each file. Take this statement out."
_NO_CLIENT = "the runner has no input or output for COPY. Write INSERT, or load the data with psql."

_ENOUGH = 8
"""Words that show what kind of statement it is."""
_MANY = 100
"""Words of an ALTER TABLE or REINDEX that may have CONCURRENTLY among them."""
_OUTSIDE = {
    r"VACUUM\b": "VACUUM",
    r"(CREATE|DROP) (DATABASE|TABLESPACE)\b": "CREATE and DROP DATABASE or TABLESPACE",
    r"CREATE (UNIQUE )?INDEX CONCURRENTLY\b": "CREATE INDEX CONCURRENTLY",
    r"DROP INDEX CONCURRENTLY\b": "DROP INDEX CONCURRENTLY",
    r"REINDEX\b.* CONCURRENTLY\b": "REINDEX CONCURRENTLY",
    r"REINDEX (VERBOSE )?(SCHEMA|DATABASE|SYSTEM)\b": "REINDEX SCHEMA, DATABASE or SYSTEM",
    r"ALTER SYSTEM\b": "ALTER SYSTEM",
    r"ALTER DATABASE( \S+)? SET TABLESPACE\b": "ALTER DATABASE … SET TABLESPACE",
    r"ALTER TABLE\b.* DETACH PARTITION\b.* CONCURRENTLY\b": "DETACH PARTITION … CONCURRENTLY",
    r"CLUSTER( VERBOSE)?$": "CLUSTER without a table",
    r"DISCARD ALL\b": "DISCARD ALL",
}
"""Statements that the server refuses in a transaction, by their unquoted words."""
_OUTSIDE_BEGINS = frozenset({"VACUUM", "CREATE", "DROP", "REINDEX", "ALTER", "CLUSTER", "DISCARD"})


def fault_of(statement: Statement, *, in_transaction: bool) -> str | None:
    """Why a statement is refused, or None. The server itself refuses those not listed (SQLSTATE 25001)."""
    words = statement.first_words(_ENOUGH)
    if not words:
        return None
    if _controls_transaction(words):
        return f"{words[0]}: {_OWN_TRANSACTION}"
    if words[0] == "COPY" and any(word in {"STDIN", "STDOUT"} for word in statement.words()):
        return f"COPY: {_NO_CLIENT}"
    if in_transaction and (name := _needs_no_transaction(statement, words)):
        return f"{name}: {_ADD_DIRECTIVE}"
    if changes_reading(statement):
        return f"{words[0]}: {READING_FAULT}"
    return None


def runs_concurrently(statement: Statement) -> bool:
    """Whether it waits for other transactions on purpose, so that a timeout would break it."""
    return any(word == "CONCURRENTLY" for word in statement.words())


def may_be_repeated_after_error(statement: Statement) -> bool:
    """Whether it can run again after an error; a CALL or DO may have committed before it failed."""
    return statement.first_words(1) not in (("CALL",), ("DO",))


def returns_to_savepoint(statement: Statement) -> bool:
    """Whether it is a ROLLBACK that the transaction survives."""
    words = statement.first_words(3)
    return words[:1] == ("ROLLBACK",) and "TO" in words[1:]


def _controls_transaction(words: tuple[str, ...]) -> bool:
    if words[0] == "ROLLBACK":
        return "TO" not in words[1:3]
    return words[0] in {"BEGIN", "COMMIT", "END", "ABORT"} or words[:2] in {
        ("START", "TRANSACTION"),
        ("PREPARE", "TRANSACTION"),
    }


def _needs_no_transaction(statement: Statement, words: tuple[str, ...]) -> str | None:
    if words[0] not in _OUTSIDE_BEGINS:
        return None  # as most statements of a big file
    text = " ".join(statement.first_words(_MANY) if words[0] in {"ALTER", "REINDEX"} else words)
    return next((name for pattern, name in _OUTSIDE.items() if re.match(pattern, text)), None)
