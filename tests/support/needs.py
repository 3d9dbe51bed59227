"""A pytest plugin: tests marked `needs(name)` run where that program or package is, and the others are told.

bin/ci installs what they need, so there none is left out.
"""

import importlib.util
import shutil
from collections import Counter

import pytest

_MISSING = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing: Counter[str] = Counter()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        names = [name for mark in item.iter_markers("needs") for name in mark.args if not _is_here(name)]
        (left_out if names else kept).append(item)
        missing.update(names)
    config.stash[_MISSING] = missing
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in config.stash.get(_MISSING, Counter()).items():
        terminalreporter.write_line(f"NOT RUN: {count} tests, as {name} is not on this machine.", red=True)


def _is_here(name: str) -> bool:
    return shutil.which(name) is not None or importlib.util.find_spec(name) is not None
