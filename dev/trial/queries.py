"""What PostgreSQL says of the files in sql/queries."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from app.commands.errors import CommandError
from app.database.connection import first_line
from app.database.identity_queries import IdentityQueries
from app.database.queries import Queries
from app.housekeeping.queries import HousekeepingQueries
from app.migrations.runner.history import compare
from app.migrations.runner.ledger import read_ledger
from app.migrations.script.files import load_migrations
from app.settings.places import MIGRATIONS_FOLDER, QUERIES_FOLDER, ROOT

CONNECT_SECONDS = 5
METHODS = {
    QUERIES_FOLDER: Queries,
    QUERIES_FOLDER / "identities": IdentityQueries,
    QUERIES_FOLDER / "housekeeping": HousekeepingQueries,
}
PARAMETER = re.compile(r"%\((\w+)\)s")
MISSING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
)
"""What a migration may bring."""


def query_faults(url: str) -> Iterator[str]:
    """A sentence for each file that a method lacks, or that PostgreSQL cannot prepare."""
    for folder, methods in METHODS.items():
        names = {name for name in vars(methods) if not name.startswith("_")}
        for name in sorted(names - {path.stem for path in folder.glob("*.sql")}):
            yield f"{(folder / name).relative_to(ROOT)}.sql is missing: {methods.__name__}.{name} reads it."
    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_SECONDS, client_encoding="UTF8"
        )
    except psycopg.OperationalError as error:
        print(f"The queries were not tried: {first_line(error)}", flush=True)
        return
    with connection:
        is_missing = False
        for path in sorted(QUERIES_FOLDER.rglob("*.sql")):
            statement = _numbered(path.read_text(encoding="utf-8"))
            result = connection.pgconn.prepare(b"", statement.encode())
            if result.status != ExecStatus.COMMAND_OK:
                refusal = error_from_result(result, encoding="utf-8")
                yield from _sentences(path, statement, refusal)
                is_missing = is_missing or isinstance(refusal, MISSING)
        if is_missing and (pending := _pending(connection)):
            yield f"Pending: {', '.join(pending)}. Type bin/migrate, then save the query again."


def _numbered(query: str) -> str:
    """The query with PostgreSQL's own placeholders; it has to find out their types by itself."""
    numbers: dict[str, int] = {}
    return PARAMETER.sub(lambda match: f"${numbers.setdefault(match[1], len(numbers) + 1)}", query).replace(
        "%%", "%"
    )


def _sentences(path: Path, statement: str, error: psycopg.Error) -> Iterator[str]:
    place = str(path.relative_to(ROOT))
    if position := error.diag.statement_position:
        line = statement.count("\n", 0, int(position) - 1) + 1
        place = f"{place}:{line}"
    yield f"{place}: {error.diag.message_primary}"
    if hint := error.diag.message_hint:
        yield f"  Hint: {hint}"


def _pending(connection: psycopg.Connection[Any]) -> list[str]:
    try:
        history = compare(load_migrations(MIGRATIONS_FOLDER), read_ledger(connection))
    except CommandError:
        return []
    return [migration.name for migration in history.pending]
