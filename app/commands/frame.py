"""The frame around each command: what it reports when it fails, and its exit code."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence

from app.commands.errors import CommandError, Exit, TerminatedError
from app.commands.report import Report
from app.commands.signals import raise_on_sigterm
from app.settings.variables import ConfigError


def use_utf8() -> None:
    """Makes standard output UTF-8, whatever the locale is."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")


def run_command(work: Callable[[], None], *, problems: Report, terminated: str) -> int:
    """Does the work; returns the exit code.

    Args:
        work: raises ConfigError, CommandError or TerminatedError where it cannot go on.
        problems: told why.
        terminated: what to say after SIGTERM or Ctrl-C.
    """
    sentences: Sequence[str]
    fields: Mapping[str, object] = {}
    try:
        raise_on_sigterm()
        work()
    except ConfigError as error:
        sentences, code = error.sentences, Exit.CONFIGURATION
    except CommandError as error:
        sentences, code, fields = error.sentences, error.exit_code, error.fields
    except TerminatedError:
        sentences, code = (terminated,), Exit.TERMINATED
    else:
        return Exit.DONE
    problems.say("error", *sentences, level=logging.ERROR, fields={**fields, "exit_code": code})
    return code
