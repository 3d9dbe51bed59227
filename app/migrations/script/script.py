"""Reads a pending migration as statements, and checks them before anything runs."""

from dataclasses import dataclass

from app.commands.errors import CommandError, Exit
from app.migrations.script.concurrent_index import ConcurrentIndex, parse_concurrent_index
from app.migrations.script.files import Migration
from app.migrations.script.rules import fault_of
from app.migrations.script.statements import Statement, split_statements
from app.migrations.script.tokens import UnterminatedError


@dataclass(frozen=True, slots=True)
class Script:
    """What a migration runs: at least one statement; exactly one where it runs without a transaction.

    Attributes:
        index: what it builds, where it is a CREATE INDEX CONCURRENTLY.
    """

    migration: Migration
    statements: tuple[Statement, ...]
    index: ConcurrentIndex | None


def read_scripts(migrations: list[Migration]) -> list[Script]:
    """The scripts of migrations, in the same order.

    Raises:
        CommandError: INVALID, with file and line of each statement that is refused.
    """
    faults: list[tuple[str, int, str]] = []
    scripts = [_read(migration, faults) for migration in migrations]
    if faults:
        raise CommandError(
            Exit.INVALID,
            *(f"{file}:{line}: {sentence}" for file, line, sentence in faults),
            file=faults[0][0],
            line=faults[0][1],
        )
    return scripts


def _read(migration: Migration, faults: list[tuple[str, int, str]]) -> Script:
    def note(start: int, sentence: str) -> None:
        faults.append((migration.file, migration.line_at(start), sentence))

    index = None
    statements: list[Statement] = []
    try:
        statements = split_statements(migration.sql)
    except UnterminatedError as error:
        note(error.start, f"{error.what} begins here and does not end.")
        return Script(migration, (), None)
    if not statements:
        note(0, "The file holds no statement. Write one, or remove the file.")
    for statement in statements:
        if fault := fault_of(statement, in_transaction=migration.in_transaction):
            note(statement.start, fault)
    if not migration.in_transaction:
        if len(statements) > 1:
            note(
                statements[1].start,
                "A file without a transaction holds exactly one statement. Give this one a file of its own.",
            )
        for statement in statements[:1]:
            index, fault = parse_concurrent_index(statement)
            if fault:
                note(statement.start, fault)
    return Script(migration, tuple(statements), index)
