"""A SIGTERM that comes before a command can take it is an orderly end, not a stack trace."""

import os
import signal
import subprocess
import sys

import pytest
from gunicorn.config import Config

from app.server.worker import Worker
from tests.support.service import PRODUCTION, ROOT

KILLED_BEFORE_IT_BEGAN = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])
"""

FORKED_AS_A_WORKER = """
import os, signal
from app.server import gunicorn_conf
gunicorn_conf.on_starting(None)
blocked = lambda: sorted(number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
if child := os.fork():
    os.waitpid(child, 0)
    print("master", *blocked())
    gunicorn_conf.on_exit(None)
else:
    print("worker", *blocked(), flush=True)
"""


@pytest.mark.parametrize("command", [["start"], ["migrate"], ["users", "list"]], ids=" ".join)
def test_it_ends_at_once_and_says_so(command: list[str], database_url: str) -> None:
    environ = PRODUCTION | {"DATABASE_URL": database_url, "PATH": os.environ["PATH"]}
    name, *arguments = command
    program = [sys.executable, "-c", KILLED_BEFORE_IT_BEGAN, str(ROOT / "bin" / name), *arguments]
    ended = subprocess.run(program, env=environ, capture_output=True, text=True, timeout=30, check=False)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 143, said
    assert "Terminated" in said
    assert "Traceback" not in said


def test_a_worker_takes_no_stop_signal_before_it_has_handlers_of_its_own(database_url: str) -> None:
    """What it inherits are the master's, which would note the signal where no master looks."""
    environ = PRODUCTION | {"DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-c", FORKED_AS_A_WORKER]
    said = subprocess.check_output(program, env=environ, text=True, timeout=30)
    assert said.splitlines() == ["worker SIGINT SIGQUIT SIGTERM", "master"]


def test_a_worker_without_an_application_notes_a_stop() -> None:
    """post_worker_init tells the application, once there is one."""
    worker = Worker(1, os.getpid(), [], None, 30, Config(), None)
    worker.handle_exit(signal.SIGTERM, None)
    worker.tmp.close()
    assert (worker.is_told_to_stop, worker.alive) == (True, False)
