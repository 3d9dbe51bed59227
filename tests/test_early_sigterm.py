"""A SIGTERM that comes before a command can take it is an orderly end, not a stack trace."""

import os
import subprocess
import sys

import pytest

from tests.support.service import PRODUCTION, ROOT

KILLED_BEFORE_IT_BEGAN = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
os.execv(sys.argv[1], sys.argv[1:])
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
