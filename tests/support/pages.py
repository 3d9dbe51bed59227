"""Pages of the documentation: the commands they show, and their tables."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.service import ROOT

NOT_RUN = r"<!-- needs [A-Z]\w+ -->\n"
"""Stands above a block whose commands need what no test has, as in `<!-- needs Docker -->`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a shell block.

    Attributes:
        line: what is typed.
        shown: what the page says, after a `#`, that it prints; empty when it says nothing.
    """

    line: str
    shown: str


class Page:
    """One file under docs/.

    Args:
        name: without its folder, such as `scaling.md`.
    """

    def __init__(self, name: str) -> None:
        self.path: Path = ROOT / "docs" / name
        self.text = self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """The blocks of that language that tests can run, in their order."""
        found = re.findall(
            rf"^({NOT_RUN})?```{language}\n(.*?)^```$", self.text, flags=re.MULTILINE | re.DOTALL
        )
        return [block for mark, block in found if not mark]

    def commands(self) -> list[Command]:
        """The lines of the `sh` blocks that tests can run."""
        lines = [line for block in self.blocks("sh") for line in block.splitlines()]
        parts = [re.split(r" {2,}# ", line, maxsplit=1) for line in lines]
        return [Command(line, *(shown or [""])) for line, *shown in parts]

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of its rank or above."""
        match = re.search(rf"^(#+) {re.escape(heading)}\n", self.text, re.MULTILINE)
        assert match, heading
        rest = self.text[match.end() :]
        end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
        return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of a Markdown table's rows, without those of its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
