"""What the commands of `bin/sessions` and `bin/users` share: command line, database, questions, exit code."""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.commands.arguments import between
from app.commands.beside_dev import with_running_dev
from app.commands.errors import CommandError, Exit
from app.commands.frame import run_command
from app.commands.report import JSONReport, TableReport, TextReport, printable
from app.housekeeping.database import open_queries
from app.housekeeping.models import UserRow
from app.housekeeping.queries import HousekeepingQueries
from app.settings.environment import load_database_url

EPILOG = """\
exit codes:
  0 done                    67 no such user or session    78 configuration
  1 refused, or SQL error   69 database unavailable      143 terminated
  2 wrong usage             75 busy: try again later
  5 migrations pending

settings:
  The database is DATABASE_URL, else DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME and DB_SSLMODE; where
  none is set, that of the bin/dev that runs here.

docs/housekeeping.md has examples, and a schedule.
"""
DEFAULT_LIMIT = 100
TERMINATED = "Terminated. What was reported is done, nothing else."


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a command's action works with.

    Attributes:
        queries: the service's database.
        output: the answer, on stdout.
        notices: progress and problems, on stderr.
    """

    queries: HousekeepingQueries
    output: TableReport
    notices: TableReport


def make_parser(prog: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    description: str,
    action: Callable[[argparse.Namespace, Context], None],
) -> argparse.ArgumentParser:
    """The parser of a command, with --json."""
    parser = commands.add_parser(name, help=description, description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(action=action)
    return parser


def add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=between(1, 1_000_000),
        default=DEFAULT_LIMIT,
        metavar="N",
        help="how many to list (%(default)s)",
    )


def run(name: str, options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Runs the chosen command on the service's database; returns the exit code.

    Args:
        name: what pg_stat_activity shows.
        options: the parsed command line.
        environ: names the database.
    """
    # Where a reader such as head ends early, the command ends quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    report = JSONReport if options.json else TextReport
    output, notices = report(sys.stdout), report(sys.stderr)

    def work() -> None:
        url = load_database_url(with_running_dev(environ, notices))
        with open_queries(url, command=name, report=notices) as queries:
            options.action(options, Context(queries=queries, output=output, notices=notices))

    return run_command(work, problems=notices, terminated=TERMINATED)


def get_user(context: Context, wanted: UUID | str) -> UserRow:
    """The user with this id or e-mail address.

    Raises:
        CommandError: NOT_FOUND.
    """
    if isinstance(wanted, UUID):
        found, key = context.queries.find_user(user_id=wanted), "id"
    else:
        found, key = context.queries.find_user(email=wanted), "e-mail"
    if found is None:
        raise CommandError(Exit.NOT_FOUND, f"No user has the {key} {wanted}.")
    return found


def say_if_more(context: Context, options: argparse.Namespace, found: int) -> None:
    """Says that a list goes on; the query asked for one row more than the limit."""
    if found > options.limit:
        context.notices.say(
            "more",
            f"There are more than these {options.limit}; --limit shows more.",
            fields={"limit": options.limit},
        )


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def confirm(options: argparse.Namespace, question: str, *, answer: str) -> None:
    """Returns where --yes was given, or the operator types the answer.

    Raises:
        CommandError: USAGE, as nobody confirmed.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            Exit.USAGE, f"{question} Nothing is done: say --yes, or run it on a terminal to be asked."
        )
    # stdout is for the command's answer.
    sys.stderr.write(printable(f"{question} Type {answer} to go on: "))
    sys.stderr.flush()
    if sys.stdin.readline().strip() != answer:
        raise CommandError(Exit.USAGE, "Nothing is done.")
