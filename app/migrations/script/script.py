"""Reads a pending migration as statements, and checks them before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.commands.errors import CommandError, Exit
from app.migrations.script.concurrent_index import ConcurrentIndex, parse_concurrent_index
from app.migrations.script.files import Migration
from app.migrations.script.rules import fault_of
from app.migrations.script.statements import Statement, split_statements
from app.migrations.script.tokens import UnterminatedError

_ONE_STATEMENT = "A file without a transaction holds exactly one statement. Give this one a file of its own."


@dataclass(frozen=True, slots=True)
class Script:
    """What a migration runs: at least one statement; exactly one where it runs without a transaction.

    Attributes:
        index: what it builds, where it is a CREATE INDEX CONCURRENTLY.
    """

    migration: Migration
    index: ConcurrentIndex | None

    def statements(self) -> Iterator[Statement]:
        """They are read anew from the file, one at a time.

        Raises:
            CommandError: INVALID, as the file is not what was checked before.
        """
        return split_statements(self.migration.lines())

    def only_statement(self) -> Statement:
        """That of a file without a transaction; raises CommandError as `statements` does."""
        (statement,) = self.statements()
        return statement


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
    def note(line: int, sentence: str) -> None:
        faults.append((migration.file, line, sentence))

    index = None
    count = 0
    try:
        for count, statement in enumerate(split_statements(migration.lines()), start=1):
            if fault := fault_of(statement, in_transaction=migration.in_transaction):
                note(statement.line, fault)
            if not migration.in_transaction and count == 1:
                index, fault = parse_concurrent_index(statement)
                if fault:
                    note(statement.line, fault)
            elif not migration.in_transaction and count == 2:  # noqa: PLR2004
                note(statement.line, _ONE_STATEMENT)
    except UnterminatedError as error:
        note(error.line, f"{error.what} begins here and does not end.")
    else:
        if count == 0:
            note(1, "The file holds no statement. Write one, or remove the file.")
    return Script(migration, index)
