"""The frame around each command: output, database, exit code."""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.commands.errors import TerminatedError
from app.commands.output import JSONOutput, Output, TextOutput
from app.commands.signals import raise_on_sigterm
from app.housekeeping.database import opened
from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.models import UserRow
from app.housekeeping.queries import HousekeepingQueries
from app.settings.environment import load_database_url
from app.settings.variables import ConfigError

TERMINATED = "Terminated. What was reported is done, nothing else."


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What a command works with.

    Attributes:
        queries: the service's database.
        output: for what was asked for, on stdout.
        notices: for progress and problems, on stderr.
    """

    queries: HousekeepingQueries
    output: Output
    notices: Output


def run(
    name: str,
    action: Callable[[argparse.Namespace, Desk], None],
    options: argparse.Namespace,
    environ: Mapping[str, str],
) -> int:
    """Runs the action on the service's database; returns the exit code."""
    # A reader such as head may leave early; there is nobody to tell then.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    kind = JSONOutput if options.json else TextOutput
    output, notices = kind(sys.stdout), kind(sys.stderr)
    try:
        raise_on_sigterm()
        with opened(load_database_url(environ), command=name, report=notices) as queries:
            action(options, Desk(queries=queries, output=output, notices=notices))
    except ConfigError as error:
        sentences, code = tuple(str(error).splitlines()), Exit.CONFIGURATION
    except HousekeepingError as error:
        sentences, code = error.sentences, error.exit_code
    except TerminatedError:
        sentences, code = (TERMINATED,), Exit.TERMINATED
    else:
        return Exit.DONE
    notices.say("error", *sentences, level=logging.ERROR, fields={"exit_code": code})
    return code


def get_user(desk: Desk, wanted: UUID | str) -> UserRow:
    """The user of an id or e-mail.

    Raises:
        HousekeepingError: NOT_FOUND.
    """
    if isinstance(wanted, UUID):
        found, key = desk.queries.find_user(user_id=wanted), "id"
    else:
        found, key = desk.queries.find_user(email=wanted), "e-mail"
    if found is None:
        raise HousekeepingError(Exit.NOT_FOUND, f"No user has the {key} {wanted}.")
    return found


def say_if_more(desk: Desk, options: argparse.Namespace, found: int) -> None:
    """Says so when a list, asked for one row more than its limit, has it."""
    if found > options.limit:
        desk.notices.say(
            "more",
            f"There are more than these {options.limit}; --limit shows more.",
            fields={"limit": options.limit},
        )
