"""Refuses statements that would change how the server reads the rest of the file.

With another client_encoding the server stores other characters than the file has, and with
standard_conforming_strings off, strings end elsewhere. What is only known as it runs (a name put together in
a DO, say) is noticed after the statement, in the runner.
"""

import re
from collections.abc import Iterator

from app.migrations.script.constants import value_of
from app.migrations.script.statements import Statement
from app.migrations.script.tokens import Kind, UnterminatedError, tokenize

READING = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}
"""Settings that decide it, and what they are while a file runs."""
READING_FAULT = (
    "it would change how the server reads this file. The runner sends UTF-8 with "
    "standard_conforming_strings on. Take this statement out."
)
_CALL = re.compile(rb'set_config|pg_settings|u&"', re.IGNORECASE)
"""The function that sets any setting, the view that does where it is updated, and how to hide a name."""
_BEFORE_STATEMENT = frozenset({"", ";", "BEGIN", "THEN", "ELSE", "LOOP"})
_DEPTH = 4
"""Strings within strings of a DO that are looked into."""


def changes_reading(statement: Statement) -> bool:
    """Whether a statement sets or resets one of READING, as far as its text shows."""
    first = statement.first_words(1)
    if first in {("SET",), ("RESET",), ("DO",)} or _CALL.search(statement.text):
        return _changes(statement.text, depth=_DEPTH if first == ("DO",) else 0)
    return False


def _changes(sql: bytes, *, depth: int) -> bool:
    """The same for SQL or PL/pgSQL; its strings are read as such, too, to that depth."""
    command, before = "", ""  # the SET or RESET that the last words belong to, and the token before
    calls = names_one = updates = False
    for kind, value in _meanings(sql):
        if kind == "string":
            names_one = names_one or value.lower() in READING
            if depth and _string_changes(value, depth=depth - 1):
                return True
        name = value.lower() if kind in {"word", "quoted"} else ""
        word = value.upper() if kind in {"word", "other"} else name
        if command and (name in READING or (kind, command, word) == ("word", "SET", "NAMES")):
            return True
        if not (command == "SET" and before == "SET" and word in {"SESSION", "LOCAL"}):
            command = word if word in {"SET", "RESET"} and before in _BEFORE_STATEMENT else ""
        updates = updates or word == "UPDATE"
        calls = calls or name == "set_config" or (name == "pg_settings" and updates)
        before = word
    return calls and names_one


def _string_changes(value: str, *, depth: int) -> bool:
    try:
        return _changes(value.encode(errors="replace"), depth=depth)
    except UnterminatedError:
        return False  # text that is no SQL


def _meanings(sql: bytes) -> Iterator[tuple[Kind, str]]:
    """The tokens as what they stand for; strings that continue each other are one, and UESCAPE is applied."""
    held: list[str] = []
    held_kind: Kind = "other"
    is_escape = False
    for kind, start, end in tokenize(sql):
        written = sql[start:end].decode()
        if held and kind == "word" and written.upper() == "UESCAPE":
            is_escape = True
            continue
        escape = value_of(written) if is_escape and kind == "string" else None
        if held and (is_escape or not kind == held_kind == "string"):
            yield held_kind, _value(held, escape or "\\")
            held = []
        is_escape = False
        if escape is not None:
            continue
        if kind in {"string", "quoted"}:
            held.append(written)
            held_kind = kind
        else:
            yield kind, written
    if held:
        yield held_kind, _value(held, "\\")


def _value(written: list[str], escape: str) -> str:
    return "".join(value_of(part, escape=escape) for part in written)
