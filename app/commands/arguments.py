"""Argument types and options that commands share."""

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def text(argument: str) -> str:
    """Free text. It must be UTF-8: PostgreSQL and JSON accept nothing else.

    Raises:
        argparse.ArgumentTypeError: the shell passed other bytes.
    """
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{argument!r} is not text in UTF-8") from error
    return argument


def user(argument: str) -> UUID | str:
    """The id or the e-mail address of a user; the address in lower case, as sign-in stores it.

    Raises:
        ValueError: it is neither.
        argparse.ArgumentTypeError: it is not UTF-8.
    """
    if "@" in argument:
        return text(argument).strip().lower()
    return UUID(argument)


def duration(argument: str) -> timedelta:
    """A number and its unit, as in 30d.

    Raises:
        ValueError: it is something else.
    """
    if not (match := _DURATION.fullmatch(argument)):
        raise ValueError(argument)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def between(least: int, most: int) -> Callable[[str], int]:
    """The type of a whole number from least to most."""

    def number(argument: str) -> int:
        if not (argument.isascii() and argument.isdecimal() and least <= int(argument) <= most):
            raise argparse.ArgumentTypeError(f"{argument!r} is not a number from {least} to {most}")
        return int(argument)

    return number
