"""Why a command stops: its exit code and what it says. Each command's --help and page list its codes."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands; those above 63 are sysexits', 143 is 128 + SIGTERM.

    1 is PostgreSQL's refusal, or ours of a change that cannot be made.
    """

    DONE = 0
    SQL_ERROR = 1
    REFUSED = 1
    USAGE = 2
    INVALID = 3
    NEEDS_RESOLVE = 4
    PENDING = 5
    NOT_FOUND = 67
    UNAVAILABLE = 69
    TRY_AGAIN = 75
    CONFIGURATION = 78
    TERMINATED = 143


class CommandError(Exception):
    """The command cannot do what it was asked to.

    Attributes:
        exit_code: the process's exit code.
        sentences: what happened and what to do, a line each.
        fields: the same for programs.
    """

    def __init__(self, exit_code: Exit, *sentences: str, **fields: object) -> None:
        super().__init__("\n".join(sentences))
        self.exit_code = exit_code
        self.sentences = sentences
        self.fields = fields


class TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived. psycopg cancels the running statement on a KeyboardInterrupt, so this is one."""
