"""Why the runner stops, each with its exit code (docs/migrations and `bin/migrate --help` list them)."""

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    SQL_ERROR = 1
    USAGE = 2
    INVALID = 3
    NEEDS_RESOLVE = 4
    PENDING = 5
    UNAVAILABLE = 69
    TRY_AGAIN = 75
    CONFIGURATION = 78
    TERMINATED = 143


class MigrationError(Exception):
    """The runner cannot go on.

    Attributes:
        exit_code: what the process ends with.
        sentences: what happened and what to do, a line each.
        fields: the same for machines.
    """

    def __init__(self, exit_code: Exit, *sentences: str, **fields: object) -> None:
        super().__init__("\n".join(sentences))
        self.exit_code = exit_code
        self.sentences = sentences
        self.fields = fields


class TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, so that psycopg cancels the statement that is running."""
