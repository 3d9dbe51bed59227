"""What the arguments of every command may hold."""

import argparse


def text(argument: str) -> str:
    """The type of an argument that is free text: it is UTF-8, which is all that PostgreSQL and JSON take.

    Raises:
        argparse.ArgumentTypeError: the shell passed other bytes.
    """
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{argument!r} is not text in UTF-8") from error
    return argument
