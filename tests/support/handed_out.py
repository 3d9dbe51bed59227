"""Which test is handed which block of the documentation.

`bin/python -m tests.support.handed_out` lists it.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from tests.support.pages import Block, Command


class _Collected:
    """A plugin that keeps what pytest found, also what is left out on this machine."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = list(items)


def _places(value: Any) -> Iterator[str]:
    """Of the blocks and commands anywhere in a parameter."""
    if isinstance(value, Block | Command):
        yield value.place
    elif isinstance(value, Mapping):
        yield from _places(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _places(item)
    elif is_dataclass(value):
        yield from _places([getattr(value, part.name) for part in fields(value)])


def main() -> int:
    """Prints a line for each: its place, a tab, the test."""
    collected = _Collected()
    with redirect_stdout(sys.stderr):
        code = pytest.main(["--collect-only", "--quiet"], plugins=[collected])
    for item in collected.items:
        if not (item.get_closest_marker("skip") or item.get_closest_marker("skipif")):
            parameters = getattr(item, "callspec", None)
            for place in _places(parameters.params if parameters else {}):
                sys.stdout.write(f"{place}\t{item.nodeid}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
