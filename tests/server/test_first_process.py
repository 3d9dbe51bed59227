"""The first process of a container loses each signal that it has no handler for."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.support.service import PRODUCTION, ROOT, clean_environ
from tests.support.waiting import until

COMMANDS = [["start"], ["migrate"], ["sessions", "list"], ["users", "list"]]
DELAYS = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0]
"""Seconds."""
ENDS_WHO_ASKS_FIRST = """#!/bin/sh
mkdir "$0.asked" 2>/dev/null && kill -s TERM $PPID
exec /usr/bin/dirname "$@"
"""
SHELLS = {"bash", "dash", "sh", "unshare"}
STOPS = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1)


@pytest.fixture(scope="module")
def mute_database() -> Iterator[str]:
    """Takes connections and says nothing, so that a command waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://nobody@127.0.0.1:{listener.getsockname()[1]}/none"


@contextmanager
def first_process(
    command: list[str], database_url: str
) -> Iterator[tuple["subprocess.Popen[bytes]", psutil.Process]]:
    """Whoever waits for a command of bin/ and has its exit code, and the command as first process."""
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    name, *arguments = command
    waiting = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", *rights, str(ROOT / "bin" / name), *arguments],
        env=clean_environ(PRODUCTION | {"DATABASE_URL": database_url}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield waiting, until(lambda: psutil.Process(waiting.pid).children(), seconds=10, what="a child")[0]
    finally:
        waiting.kill()
        waiting.wait()


def takes_signals(process: psutil.Process) -> bool:
    """Whether SIGTERM and Ctrl-C would wait. A shell blocks signals, too, but only while it forks."""
    if Path(f"/proc/{process.pid}/exe").readlink().name in SHELLS:
        return False
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    [blocked] = [line.split()[1] for line in lines if line.startswith("SigBlk:")]
    return int(blocked, 16) & STOPS == STOPS


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_sigterm_is_lost_while_python_starts(command: list[str], mute_database: str) -> None:
    for delay in DELAYS:
        with first_process(command, mute_database) as (waiting, process):
            until(partial(takes_signals, process), seconds=10, what="the signals to be blocked")
            with pytest.raises(psutil.TimeoutExpired):
                process.wait(delay)
            process.terminate()
            assert waiting.wait(10) == 143, delay


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_sigterm_that_reaches_the_shell_is_reported_as_any_other(
    command: list[str], mute_database: str, tmp_path: Path
) -> None:
    asked = tmp_path / "dirname"
    asked.write_text(ENDS_WHO_ASKS_FIRST)
    asked.chmod(0o755)
    environ = clean_environ(PRODUCTION | {"DATABASE_URL": mute_database})
    environ["PATH"] = f"{tmp_path}:{environ['PATH']}"
    name, *arguments = command
    ended = subprocess.run(
        [ROOT / "bin" / name, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert (ended.returncode, "Terminated" in said) == (143, True), said
