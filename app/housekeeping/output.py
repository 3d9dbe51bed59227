"""What commands print: sentences and tables for people, or one JSON object a line."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Protocol, TextIO
from uuid import UUID

from app.housekeeping.models import APITokenRow, SessionRow, UserRow
from app.logs import rfc3339
from app.migrations.report import NOTHING, JSONReport, Report

Rows = Sequence[SessionRow] | Sequence[UserRow] | Sequence[APITokenRow]


class Output(Report, Protocol):
    def table(self, rows: Rows) -> None:
        """Prints rows of one kind."""


class TextOutput:
    """Sentences and aligned columns. Nothing that users or browsers sent can steer the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(
        self,
        _event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,  # noqa: ARG002  # people see it in the words
        fields: Mapping[str, object] = NOTHING,  # noqa: ARG002  # likewise
    ) -> None:
        for sentence in sentences:
            print(printable(sentence), file=self._stream, flush=True)

    def table(self, rows: Rows) -> None:
        if not rows:
            return
        titles = [name.removesuffix("_at").replace("_", " ") for name in asdict(rows[0])]
        lines = [titles, *([_cell(value) for value in asdict(row).values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            print("  ".join(cells).rstrip(), file=self._stream)


class JSONOutput(JSONReport):
    """In ASCII, so that it is as harmless on a terminal as in a pipe."""

    def table(self, rows: Rows) -> None:
        for row in rows:
            self._print(asdict(row))

    def _print(self, entry: Mapping[str, object]) -> None:
        text = json.dumps(entry, ensure_ascii=True, default=_plain).replace("\x7f", "\\u007f")
        print(text, file=self._stream, flush=True)


def printable(text: str) -> str:
    r"""The text with what is not printable (controls, direction marks) escaped, as in \x1b."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text
    )


def _cell(value: object) -> str:
    return "-" if value is None else printable(str(_plain(value)))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case UUID():
            return str(value)
    return value
