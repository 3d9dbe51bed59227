"""How commands say what they do: sentences for people, JSON lines or log records."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from app.telemetry.logs import rfc3339

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NOTHING: Mapping[str, object] = MappingProxyType({})


class Report(Protocol):
    def say(
        self,
        event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,
        fields: Mapping[str, object] = NOTHING,
    ) -> None:
        """Reports an event: its word, sentences for people, fields for programs."""


class TableReport(Report, Protocol):
    def table(self, rows: "Sequence[DataclassInstance]") -> None:
        """Prints rows of one kind."""


class TextReport:
    """Sentences and aligned columns. Control characters are escaped, so that no value steers the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(
        self,
        _event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,  # noqa: ARG002  # the words say how bad it is
        fields: Mapping[str, object] = NOTHING,  # noqa: ARG002  # the sentences say the same
    ) -> None:
        lines = (printable(sentence, kept="\t") for sentence in sentences)
        print(*lines, sep="\n", file=self._stream, flush=True)

    def table(self, rows: "Sequence[DataclassInstance]") -> None:
        if not rows:
            return
        titles = [name.removesuffix("_at").replace("_", " ") for name in asdict(rows[0])]
        lines = [titles, *([_cell(value) for value in asdict(row).values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            print("  ".join(cells).rstrip(), file=self._stream)


class JSONReport:
    """One JSON object a line; characters that are not printable are escaped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(
        self,
        event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,
        fields: Mapping[str, object] = NOTHING,
    ) -> None:
        level_name = logging.getLevelName(level).lower()
        self._print({"event": event, "level": level_name, "message": "\n".join(sentences), **fields})

    def table(self, rows: "Sequence[DataclassInstance]") -> None:
        for row in rows:
            self._print(asdict(row))

    def _print(self, entry: Mapping[str, object]) -> None:
        line = json.dumps(entry, ensure_ascii=False, default=_plain)
        escaped = "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)
        print(escaped.replace("\x7f", "\\u007f"), file=self._stream, flush=True)


class LogReport:
    """A log record for each sentence; the fields go with the first.

    Args:
        logger: writes the records.
        is_for_people: leaves out the fields, as the sentences say the same.
    """

    def __init__(self, logger: logging.Logger, *, is_for_people: bool = False) -> None:
        self._logger = logger
        self._is_for_people = is_for_people

    def say(
        self,
        event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,
        fields: Mapping[str, object] = NOTHING,
    ) -> None:
        for position, sentence in enumerate(sentences):
            extra = {"event": event, **(fields if position == 0 else {})}
            self._logger.log(level, "%s", sentence, extra={} if self._is_for_people else extra)


def printable(text: str, *, kept: str = "") -> str:
    r"""The text with each character that is not printable escaped, as in \x1b.

    Args:
        text: may hold what users and browsers sent.
        kept: characters that stay as they are.
    """
    return "".join(
        letter if letter.isprintable() or letter in kept else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _cell(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or None
    return "-" if value is None else printable(str(_plain(value)))


def _plain(value: Any) -> object:  # noqa: ANN401  # any column of any row
    match value:
        case datetime():
            return rfc3339(value)
        case None | bool() | int() | float():
            return value
        case list():
            return [_plain(item) for item in value]
    return str(value)
