"""Tries for `bin/dev` what a change may have broken: `python -m dev.trial`; `--help` has the rest.

A process of its own, as only that imports the changed code.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = Path(__file__).parent
SHOWN_FRAMES = 2


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Returns 0 where nothing is broken; else says what is."""
    parser = argparse.ArgumentParser(prog="python -m dev.trial", description="Tries SQL, files and code.")
    parser.add_argument("--first", action="store_true", help="apply migrations before, as bin/start does")
    parser.add_argument("--migrations", action="store_true", help="say how far the migrations are, no more")
    options = parser.parse_args(arguments)
    try:
        # What this imports may be what is broken.
        from dev.trial import steps  # noqa: PLC0415

        if options.migrations:
            return steps.check_migrations(environ)
        return steps.run(environ, is_first=options.first)
    except Exception as error:  # noqa: BLE001  # told below, whatever it is
        print(*in_short(error), sep="", end="", file=sys.stderr)
        return 1


def in_short(error: BaseException) -> Iterator[str]:
    """The last frames of this checkout's code, and the error."""
    frames: list[traceback.FrameSummary] = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(OURS):
            # What led to the trial is none of the error's.
            frames = []
        elif path.is_relative_to(ROOT) and not path.is_relative_to(sys.prefix):
            frames.append(frame)
    yield from traceback.format_list(frames[-SHOWN_FRAMES:])
    yield from traceback.format_exception_only(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
