"""What the command lines of `bin/sessions` and `bin/users` have in common."""

import argparse
import re
from datetime import timedelta
from uuid import UUID

from app.arguments import text

EPILOG = """\
exit codes:
  0 done                    67 no such user or session    78 configuration
  1 SQL error               69 database unavailable      143 terminated
  2 wrong usage             75 busy: try again later
  5 migrations pending

settings:
  The database is DATABASE_URL, else DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME and DB_SSLMODE.

docs/housekeeping.md has examples, and a schedule.
"""
DEFAULT_LIMIT = 100

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def make_parser(prog: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, description: str
) -> argparse.ArgumentParser:
    """A command's parser, with --json."""
    parser = commands.add_parser(name, help=description, description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=between(1, 1_000_000),
        default=DEFAULT_LIMIT,
        metavar="N",
        help="how many to list (%(default)s)",
    )


def user(name: str) -> UUID | str:
    """An argument that names a user: an id, or an e-mail in any case.

    Raises:
        ValueError: it is neither.
        argparse.ArgumentTypeError: it is no UTF-8.
    """
    if "@" in name:
        # As sign-in stores it.
        return text(name).strip().lower()
    return UUID(name)


def duration(words: str) -> timedelta:
    """A number and its unit, as in 30d.

    Raises:
        ValueError: it is not.
    """
    if not (match := _DURATION.fullmatch(words)):
        raise ValueError(words)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def between(least: int, most: int) -> "_Between":
    return _Between(least, most)


class _Between:
    """An argument's type: a whole number from least to most."""

    def __init__(self, least: int, most: int) -> None:
        self._least = least
        self._most = most

    def __call__(self, digits: str) -> int:
        if not (digits.isascii() and digits.isdecimal() and self._least <= int(digits) <= self._most):
            raise argparse.ArgumentTypeError(f"{digits!r} is not a number from {self._least} to {self._most}")
        return int(digits)
