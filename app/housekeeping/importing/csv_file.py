"""People from a CSV file (RFC 4180) with a line of column names, in UTF-8."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.importing.rows import Columns, SourceRow

ENCODING = "utf-8-sig"
"""Also without the mark that some programs put at the beginning."""


@contextmanager
def csv_rows(path: str, columns: Columns) -> Iterator[Iterator[SourceRow]]:
    """The file's rows; `-` is stdin.

    Raises:
        HousekeepingError: USAGE, here or from the iterator: it cannot be read.
    """
    if path == "-":
        yield _rows(TextIOWrapper(sys.stdin.buffer, encoding=ENCODING, newline=""), "stdin", columns)
        return
    try:
        file = Path(path).open(encoding=ENCODING, newline="")  # noqa: SIM115  # closed below
    except OSError as error:
        raise HousekeepingError(Exit.USAGE, f"--from: {path}: {error.strerror}.") from error
    with file:
        yield _rows(file, path, columns)


def _rows(file: TextIO, name: str, columns: Columns) -> Iterator[SourceRow]:
    lines = csv.reader(file, strict=True)
    try:
        header = next(lines, [])
        places = [_place(column, header, name) for column in columns.names()]
        for number, fields in enumerate((line for line in lines if line), 1):
            if len(fields) == len(header):
                yield SourceRow(number, *_values(fields, places))
            else:
                yield SourceRow(number, is_whole=False)
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise HousekeepingError(
            Exit.USAGE, f"--from: {name} is no CSV file in UTF-8, after line {lines.line_num}: {error}."
        ) from error


def _values(fields: list[str], places: list[int | None]) -> Iterator[str | None]:
    # An empty field is what PostgreSQL writes for NULL.
    return (None if place is None else fields[place] or None for place in places)


def _place(column: str, header: list[str], name: str) -> int | None:
    if not column:
        return None
    if header.count(column) != 1:
        raise HousekeepingError(
            Exit.USAGE,
            f"--from: {name} must have one column {column!r}. It has: {', '.join(header) or 'nothing'}.",
            "Name columns with --subject-column and its like; --help lists them.",
        )
    return header.index(column)
