"""docs/benchmarks.md, in which each benchmark writes a section of its own."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def write_section(name: str, text: str, path: Path = PAGE) -> None:
    """Replaces what the page has between `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the page has no such section.
    """
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    changed, count = pattern.subn(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page)
    if count != 1:
        raise ValueError(f"{path} has no section {name}")
    path.write_text(changed, encoding="utf-8")
    print(text)


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def measured_here() -> str:
    """When and on what the figures after it were measured."""
    return f"{today()}, {os.cpu_count()} CPUs:"
