"""The server's errors as sentences: file and line, the reason, what to do."""

import psycopg

from app.commands.errors import CommandError, Exit
from app.migrations.script.files import Migration
from app.migrations.script.statements import Statement

_BASELINE = (
    "If this database had its tables before it had migrations, say so once: bin/migrate baseline VERSION, "
    "the newest file whose tables it has."
)
ADVICE = {
    "42P07": _BASELINE,  # duplicate_table
    "42701": _BASELINE,  # duplicate_column
    "42710": _BASELINE,  # duplicate_object
    "42P06": _BASELINE,  # duplicate_schema
    "25001": (  # active_sql_transaction
        "Give the statement a file of its own that begins with: -- migrate: no-transaction"
    ),
    "55P04": "Use the new value of the enum in the next file.",  # unsafe_new_enum_value_usage
    "42501": (  # insufficient_privilege
        "Migrations need the owner's rights. MIGRATE_DATABASE_URL can name another user than DATABASE_URL."
    ),
    "25006": "The database takes no writes: is it a standby?",  # read_only_sql_transaction
}
ROLLED_BACK = "Nothing of this file was applied. Mend it and run bin/migrate again."


def sql_error(
    migration: Migration, statement: Statement | None, error: psycopg.Error, *, outcome: str = ROLLED_BACK
) -> CommandError:
    """SQL_ERROR with file and line, SQLSTATE, the server's message, detail and hint.

    Args:
        migration: the file.
        statement: what the server was running; None at commit.
        error: the server's.
        outcome: what became of the file, and what to do.
    """
    line = None
    if statement:
        # An error without a position is reported at the statement's first line.
        position = int(error.diag.statement_position or 1) - 1
        line = statement.line_at(position)
    place = f"{migration.file}:{line}" if line else migration.file
    return CommandError(
        Exit.SQL_ERROR,
        *_server_sentences(place, error),
        outcome,
        version=migration.version,
        file=migration.file,
        line=line,
        sqlstate=error.sqlstate,
    )


def other_sql_error(error: psycopg.Error) -> CommandError:
    """SQL_ERROR of one of the runner's own statements."""
    return CommandError(
        Exit.SQL_ERROR, *_server_sentences("The ledger schema_migrations", error), sqlstate=error.sqlstate
    )


def lost_connection(error: psycopg.Error) -> CommandError:
    """UNAVAILABLE, as the server closed the connection."""
    reason = str(error).partition("\n")[0]
    return CommandError(
        Exit.UNAVAILABLE,
        f"The database went away: {reason}",
        "What ran in a transaction was rolled back. Run bin/migrate again.",
        sqlstate=error.sqlstate,
    )


def needs_resolve(migration: Migration) -> CommandError:
    """NEEDS_RESOLVE, as only a person can find out how far the interrupted file came."""
    how = (
        "ended its transaction before its end: a part of it has taken effect."
        if migration.in_transaction
        else "was interrupted, and runs without a transaction: it may have taken effect or not."
    )
    return CommandError(
        Exit.NEEDS_RESOLVE,
        f"{migration.file} {how}",
        *_ways_to_resolve(migration),
        version=migration.version,
        file=migration.file,
    )


def transaction_ended(migration: Migration, line: int, tag: str) -> CommandError:
    """What a statement that ended the file's transaction left: nothing after a ROLLBACK, else a part.

    Args:
        migration: the file, which has the row `started` where a part of it is left.
        line: of the statement.
        tag: what the server calls it.
    """
    place = f"{migration.file}:{line}: the statement ended the transaction of the file ({tag})."
    fields = {"version": migration.version, "file": migration.file, "line": line}
    if tag == "ROLLBACK":
        return CommandError(Exit.SQL_ERROR, place, ROLLED_BACK, **fields)
    return CommandError(
        Exit.NEEDS_RESOLVE,
        place,
        "What stands before it has taken effect, what stands after it has not run.",
        *_ways_to_resolve(migration),
        **fields,
    )


def _ways_to_resolve(migration: Migration) -> tuple[str, ...]:
    return (
        "Look at the database, then say which:",
        f"  bin/migrate resolve {migration.name} --applied   when it has taken effect",
        f"  bin/migrate resolve {migration.name} --retry     when it shall run again",
    )


def _server_sentences(place: str, error: psycopg.Error) -> list[str]:
    message = error.diag.message_primary or str(error).partition("\n")[0]
    labelled = (
        ("Detail", error.diag.message_detail),
        ("Hint", error.diag.message_hint),
        ("Where", error.diag.context),
    )
    sentences = [f"{place}: {message} (SQLSTATE {error.sqlstate or 'none'})"]
    sentences += [f"  {label}: {line}" for label, text in labelled if text for line in text.splitlines()]
    if advice := ADVICE.get(error.sqlstate or ""):
        sentences.append(advice)
    return sentences
