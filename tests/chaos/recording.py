"""Writes what the tests saw to results.md when they are told to: `--record`."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.support.pages import rows
from tests.support.service import ROOT
from tests.support.steady_load import Answer

PAGE = ROOT / "tests" / "chaos" / "results.md"
HEADS = {
    "results": (
        "cause",
        "requests",
        "a second",
        "503",
        "502, 504",
        "no answer",
        "slowest, s",
        "wrong answers",
        "rows lost",
        "back after, s",
    ),
    "limits": ("clients", "behind", "`WEB_THREADS`", "clients beside whom others are answered"),
}
"""The tables by their names, and what stands above their columns."""
KEYS = {"results": 1, "limits": 2}
"""How many of a row's first cells tell it from the others."""


class Recording:
    """What the tests of one run saw."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Sequence[str]]] = {name: [] for name in HEADS}

    def result(
        self, cause: str, answers: Sequence[Answer], *, lost_rows: Sequence[str], recovered: float | None
    ) -> None:
        """A row of the results.

        Args:
            cause: what was done.
            answers: all that the load got.
            lost_rows: acknowledged writes that the database does not have.
            recovered: seconds from the end of the cause to the last failure; None where it has no end.
        """
        moments = [answer.sent_at for answer in answers]
        statuses = [answer.status for answer in answers]
        self._rows["results"].append(
            (
                cause,
                f"{len(answers):,}",
                f"{len(answers) / (max(moments) - min(moments)):.0f}",
                str(statuses.count(503)),
                str(statuses.count(502) + statuses.count(504)),
                str(statuses.count(None)),
                f"{max(answer.ended_at - answer.sent_at for answer in answers):.1f}",
                str(sum(bool(answer.wrong) for answer in answers)),
                str(len(lost_rows)),
                "" if recovered is None else f"{recovered:.1f}",
            )
        )

    def limit(self, clients: str, through: str, threads: int, most: str) -> None:
        """A row of the limits: beside how many such clients others were still answered."""
        self._rows["limits"].append((clients, through, str(threads), most))

    def write(self, page: Path = PAGE) -> None:
        """Puts the rows into the page's tables; those that this run has not made stay."""
        text = page.read_text(encoding="utf-8")
        for name, found in self._rows.items():
            if found:
                text = _with_rows(text, name, found)
        page.write_text(text, encoding="utf-8")


def _with_rows(text: str, name: str, found: Sequence[Sequence[str]]) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"the page has no table {name}")
    keys = KEYS[name]
    table = {tuple(row[:keys]): row for row in [*rows(match[0]), *found]}
    head = HEADS[name]
    lines = [
        f"Recorded {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} CPUs.",
        "",
        *(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *table.values())),
    ]
    body = "\n".join(line.replace("|  |", "| |") for line in lines)
    return f"{text[: match.start()]}{match[1]}\n{body}\n\n{match[2]}{text[match.end() :]}"
