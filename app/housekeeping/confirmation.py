"""Asks before a command does what cannot be undone."""

import argparse
import sys

from app.commands.errors import CommandError, Exit
from app.commands.report import printable


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
