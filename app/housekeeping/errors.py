"""Why a command stops, each with its exit code (docs/housekeeping.md and --help list them)."""

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    SQL_ERROR = 1
    USAGE = 2
    PENDING = 5
    NOT_FOUND = 67
    UNAVAILABLE = 69
    TRY_AGAIN = 75
    CONFIGURATION = 78
    TERMINATED = 143


class CommandError(Exception):
    """The command cannot do what it was asked.

    Attributes:
        exit_code: what the process ends with.
        sentences: what happened and what to do, a line each.
    """

    def __init__(self, exit_code: Exit, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.exit_code = exit_code
        self.sentences = sentences
