"""Asking before what cannot be undone."""

import argparse
import sys

from app.commands.output import printable
from app.housekeeping.errors import Exit, HousekeepingError


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def confirm(options: argparse.Namespace, question: str, *, answer: str) -> None:
    """Returns when --yes was given, or the answer is typed on a terminal.

    Raises:
        HousekeepingError: USAGE, as nobody confirmed.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise HousekeepingError(
            Exit.USAGE, f"{question} Nothing is done: say --yes, or run it on a terminal to be asked."
        )
    # stdout is for what was asked for.
    sys.stderr.write(printable(f"{question} Type {answer} to go on: "))
    sys.stderr.flush()
    if sys.stdin.readline().strip() != answer:
        raise HousekeepingError(Exit.USAGE, "Nothing is done.")
