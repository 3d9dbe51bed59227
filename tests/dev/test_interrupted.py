"""Ctrl-C while a command starts is no traceback, and `--help` or a wrong argument downloads nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.migrations.command import TERMINATED
from tests.support.checkout import checkout
from tests.support.service import ROOT, clean_environ

SIGNALLED_WHILE_PYTHON_STARTS = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
os.kill(os.getpid(), signal.SIGINT)
os.execv(sys.executable, [sys.executable, "-P", "-m", *sys.argv[1:]])
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without packages."""
    copy = checkout(tmp_path / "copy")
    (copy / ".venv").unlink()
    return copy


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_help_comes_before_any_download(bare: Path, argument: str) -> None:
    done = subprocess.run(
        [bare / "bin" / "dev", argument], capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout.startswith("usage: bin/dev")
    assert "--forward-auth" in done.stdout
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize(
    ("command", "argument"),
    [("dev", "--sideways"), ("dev", "--forward"), ("dev", "sideways"), ("lint", "--sideways")],
)
def test_an_unknown_argument_is_refused_before_any_download(bare: Path, command: str, argument: str) -> None:
    done = subprocess.run(
        [bare / "bin" / command, argument], capture_output=True, text=True, check=False, timeout=10
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "bin/" in done.stderr
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize(
    ("module", "ends"),
    [("dev", (0, "\nStopping ...\n")), ("app.migrations.command", (143, f"{TERMINATED}\n"))],
)
def test_a_ctrl_c_that_comes_while_python_starts_is_an_orderly_end(
    module: str, ends: tuple[int, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED_WHILE_PYTHON_STARTS, module],
        env=clean_environ({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == ends


def test_a_command_over_half_a_setup_names_it(bare: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare / ".venv"], check=True)
    (bare / ".venv" / "made").touch()
    done = subprocess.run([bare / "bin" / "migrate"], capture_output=True, text=True, check=False, timeout=10)
    sentence = f"No packages installed yet: run {bare}/bin/setup first.\n"
    assert (done.returncode, done.stderr) == (69, sentence)
