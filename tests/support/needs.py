"""A pytest plugin: tests marked `needs(name)` run where that program or package is, and the others are told.

bin/ci --full installs what they need, so there none is left out.
"""

import importlib.util
import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from typing import Any

import pytest

NAMESPACES = "namespaces"
"""No program, but a right: some distributions and most containers do not let people make namespaces."""
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With --numprocesses only the workers collect tests, and only the parent has a terminal."""
    missing = session.config.stash.get(_MISSING, None)
    if missing is not None and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["missing"] = dict(missing)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each worker collects all tests, so each says the same."""
    missing = getattr(node, "workeroutput", {}).get("missing")
    if missing is not None:
        node.config.stash[_MISSING] = Counter(missing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in config.stash.get(_MISSING, Counter()).items():
        terminalreporter.write_line(f"NOT RUN: {count} tests, as this machine has no {name}.", red=True)


@cache
def _is_here(name: str) -> bool:
    if name == NAMESPACES:
        return _makes_namespaces()
    return shutil.which(name) is not None or importlib.util.find_spec(name) is not None


def _makes_namespaces() -> bool:
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    command = ["unshare", "--mount", "--pid", "--fork", *rights, "mount", "-t", "tmpfs", "tmpfs", "/tmp"]  # noqa: S108  # there for the mount to hide
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
