"""How the runner says what it does: sentences, JSON lines or log records."""

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, TextIO

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
        """Tells an event: its word, the sentences for people, and its figures for machines."""


class PlainReport:
    """Sentences, a line each."""

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
        print(*sentences, sep="\n", file=self._stream, flush=True)


class JSONReport:
    """One object a line."""

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

    def _print(self, entry: Mapping[str, object]) -> None:
        print(json.dumps(entry, ensure_ascii=False, default=str), file=self._stream, flush=True)


class LogReport:
    """A log record for each sentence; the figures go with the first."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def say(
        self,
        event: str,
        /,
        *sentences: str,
        level: int = logging.INFO,
        fields: Mapping[str, object] = NOTHING,
    ) -> None:
        for position, sentence in enumerate(sentences):
            self._logger.log(
                level, "%s", sentence, extra={"event": event, **(fields if position == 0 else {})}
            )
