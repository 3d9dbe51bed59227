"""Looks for secrets that a test run has seen in the log lines it has seen; log_plugin.py asks.

Test support tells `WATCH` of each secret it meets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from app.settings.config import LOCAL_DEFAULTS
from app.settings.providers import DEVELOPMENT, LABELS

WINDOW = 8
"""Characters that a secret has at least: shorter ones cannot be told from chance."""
ENOUGH = 24
"""Characters of a secret that nobody may log, so that one cut short is found too."""
SECRET_VARIABLES = re.compile(r"(SECRET|PASSWORD|TOKEN)(_PREVIOUS)?$")


HARMLESS = frozenset({DEVELOPMENT, *LABELS, *LOCAL_DEFAULTS.values()})
"""What everybody can read in the code."""


@dataclass
class LogWatch:
    """Secrets by what they are, and lines with the test they came from."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    test: str = "before any test"
    _pieces: dict[str, str] = field(default_factory=dict)

    def line(self, text: str) -> None:
        self.lines.append((self.test, text))

    def secret(self, what: str, value: str) -> None:
        """Each part of it between dots, as tokens have them, or its beginning."""
        for part in value.split("."):
            piece = part[:ENOUGH]
            if len(piece) >= WINDOW and len(set(piece)) >= WINDOW and piece not in HARMLESS:
                self._pieces[piece] = what

    def email(self, value: object) -> None:
        """The whole address; what is none is not watched."""
        if isinstance(value, str) and len(value) >= WINDOW and "@" in value:
            self._pieces[value] = "e-mail address"

    def environ(self, environ: Mapping[str, str]) -> None:
        """The secrets in the environment of a service, passwords in URLs among them."""
        for name, value in environ.items():
            if SECRET_VARIABLES.search(name):
                self.secret(name, value)
                self.secret(name, quote(value, safe=""))
            elif name.endswith("_URL") and "@" in value:
                self.secret(f"the password in {name}", urlsplit(value).password or "")

    def cookies(self, header: str) -> None:
        """Those of a Cookie header."""
        for pair in header.split(";"):
            self.secret("cookie", pair.partition("=")[2].strip())

    def leaks(self) -> list[str]:
        """A sentence for each line that holds a secret."""
        by_start: dict[str, list[str]] = {}
        for piece in self._pieces:
            by_start.setdefault(piece[:WINDOW], []).append(piece)
        found = ((test, line, _first_in(line, by_start)) for test, line in self.lines)
        return [
            f"{test}: {self._pieces[piece]} in the log line: {line}" for test, line, piece in found if piece
        ]


def _first_in(line: str, by_start: Mapping[str, list[str]]) -> str | None:
    """The first of many texts that a line holds; takes as long for thousands as for one."""
    for index in range(len(line) - WINDOW + 1):
        for piece in by_start.get(line[index : index + WINDOW], ()):
            if line.startswith(piece, index):
                return piece
    return None


WATCH = LogWatch()
"""Of this process; under xdist each process has its own."""
