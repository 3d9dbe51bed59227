"""Pages of the documentation: the blocks and commands they show, and their tables.

A test is handed blocks and commands as parameters; test_pages.py holds that each is handed to a test.
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.service import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^(?:<!-- needs (\w+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r" {2,}# ")


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a shell block, or several if it ends in the midst of a quotation.

    Attributes:
        line: what is typed.
        shown: what the page says, after a `#`, that it prints; empty when it says nothing.
        place: page and line number, as in `docs/scaling.md:17`.
    """

    line: str
    shown: str
    place: str

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences.

    Attributes:
        place: page and line number of the first fence.
        language: after that fence.
        text: between them, which may be there a second time elsewhere.
        needs: what no test has, as in `<!-- needs Docker -->` above the block; empty when tests can run it.
    """

    place: str
    language: str
    text: str = field(repr=False)
    needs: str

    def __str__(self) -> str:
        return self.place

    def commands(self) -> list[Command]:
        """Those of a shell block, in their order."""
        page, _, first = self.place.partition(":")
        begun: list[str] = []
        commands = []
        for number, line in enumerate(self.text.splitlines(), start=int(first) + 1):
            typed, *shown = SHOWN.split(line, maxsplit=1)
            begun.append(typed)
            command = "\n".join(begun)
            if _is_whole(command):
                begun = []
                if command.strip():
                    commands.append(Command(command, "".join(shown), f"{page}:{number}"))
        assert not begun, f"{self.place} ends within a quotation"
        return commands


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith("\\")


class Page:
    """One file of the documentation.

    Args:
        name: under docs/, such as `scaling.md`, or else beside it, such as `CONTRIBUTING.md`.
    """

    def __init__(self, name: str) -> None:
        inside = ROOT / "docs" / name
        self.path: Path = inside if inside.exists() else ROOT / name
        self.text = self.path.read_text(encoding="utf-8")

    def all_blocks(self) -> list[Block]:
        """Those that tests cannot run included, in their order."""
        name = self.path.relative_to(ROOT)
        return [
            Block(f"{name}:{self._line(found.start(2))}", found[2], found[3], found[1] or "")
            for found in FENCE.finditer(self.text)
        ]

    def blocks(self, language: str, *, below: str | None = None) -> list[Block]:
        """The blocks of that language that tests can run, in their order; below a heading alone if told."""
        lines = range(self._line(len(self.text)) + 1)
        if below is not None:
            section = self.section(below)
            begin = self.text.index(section)
            lines = range(self._line(begin), self._line(begin + len(section)))
        return [
            block
            for block in self.all_blocks()
            if block.language == language and not block.needs and int(block.place.rpartition(":")[2]) in lines
        ]

    def commands(self, *, below: str | None = None) -> list[Command]:
        """The lines of the `sh` blocks that tests can run."""
        return [command for block in self.blocks("sh", below=below) for command in block.commands()]

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of its rank or above."""
        match = re.search(rf"^(#+) {re.escape(heading)}\n", self.text, re.MULTILINE)
        assert match, heading
        rest = self.text[match.end() :]
        end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
        return rest[: end.start()] if end else rest

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def rows(text: str) -> list[list[str]]:
    """The cells of a Markdown table's rows, without those of its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
