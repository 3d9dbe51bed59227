"""A pytest plugin: no log line of the whole run may hold a secret that the run has seen.

Watched are the records of this process, as the service would write them with LOG_LEVEL=debug, and the lines
of every real `bin/start` and `bin/dev`.
"""

import logging
from collections.abc import Generator
from typing import Any

import pytest

from app.telemetry.logs import QUIET_LOGGERS, JSONFormatter
from tests.support.log_watch import WATCH

FROM_XDIST = "log_watch_leaks"
_LEAKS = pytest.StashKey[list[str]]()


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JSONFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        WATCH.line(self.format(record))


_RECORDER = _Recorder()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Listens as the service does at LOG_LEVEL=debug, its quiet loggers quiet."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(_RECORDER)
    for name, quiet_level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(quiet_level)
    WATCH.test = item.nodeid
    try:
        return (yield)
    finally:
        root.removeHandler(_RECORDER)
        root.setLevel(level)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """One of xdist's processes has ended, and hands over what it found."""
    for leak in getattr(node, "workeroutput", {}).get(FROM_XDIST, []):
        _found(node.config).append(leak)


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    _found(config).extend(WATCH.leaks())
    if (output := getattr(config, "workeroutput", None)) is not None:
        output[FROM_XDIST] = _found(config)
    elif _found(config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for leak in _found(config):
        terminalreporter.write_line(f"LEAKED {leak}", red=True)


def _found(config: pytest.Config) -> list[str]:
    return config.stash.setdefault(_LEAKS, [])
