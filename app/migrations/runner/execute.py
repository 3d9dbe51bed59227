"""Sends the statements of a file, one a message, and looks at what each left behind."""

from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus, TransactionStatus

from app.commands.errors import CommandError, Exit
from app.migrations.runner.failures import ROLLED_BACK
from app.migrations.script.files import Migration
from app.migrations.script.reading import READING, READING_FAULT
from app.migrations.script.rules import returns_to_savepoint
from app.migrations.script.statements import Statement

_FINE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_ENDS = frozenset({"COMMIT", "ROLLBACK", "PREPARE TRANSACTION"})
"""What the server calls a statement that ends a transaction, also one that begins the next at once."""


class TransactionEndedError(Exception):
    """A statement ended the runner's transaction.

    Attributes:
        line: of the file, where the statement is.
        tag: what the server calls it, such as COMMIT.
    """

    def __init__(self, line: int, tag: str) -> None:
        super().__init__(f"line {line}: {tag}")
        self.line = line
        self.tag = tag


def execute(connection: psycopg.Connection[Any], statement: Statement) -> str:
    """Runs a statement; returns what the server calls it, such as CREATE TABLE.

    The extended protocol makes the server refuse a message with several statements. psycopg uses it only for
    statements with parameters, which these cannot have.

    Raises:
        psycopg.Error: the server's.
    """
    connection.pgconn.send_query_params(statement.text, None)
    result = connection.wait(generators.execute(connection.pgconn))[-1]
    if result.status not in _FINE:
        raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)
    return (result.command_status or b"").decode()


def execute_in_transaction(
    connection: psycopg.Connection[Any], migration: Migration, statement: Statement
) -> None:
    """Runs a statement of a transaction that is to go on.

    Raises:
        CommandError: INVALID, as the server would read what follows in another way.
        TransactionEndedError: the statement ended the transaction.
        psycopg.Error: the server's.
    """
    tag = execute(connection, statement)
    has_ended = tag in _ENDS and not returns_to_savepoint(statement)
    if has_ended or connection.info.transaction_status != TransactionStatus.INTRANS:
        raise TransactionEndedError(statement.line, tag)
    for name, value in READING.items():
        if connection.info.parameter_status(name) not in {None, value}:
            raise CommandError(
                Exit.INVALID,
                f"{migration.file}:{statement.line}: {name} is no longer {value}: {READING_FAULT}",
                ROLLED_BACK,
                version=migration.version,
                file=migration.file,
                line=statement.line,
            )
