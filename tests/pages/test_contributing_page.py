"""The commands of README.md and CONTRIBUTING.md are typed in a fresh checkout."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.dev.test_dev import SHOWN as STARTING_DEVELOPMENT
from tests.support.checkout import checkout
from tests.support.pages import Command, Page
from tests.support.service import ROOT, clean_environ

CONTRIBUTING = Page("CONTRIBUTING.md")
SHOWN = [
    *Page("README.md").commands(below="Quick start"),
    *CONTRIBUTING.commands(),
    *Page("architecture.md").commands(),
]
COMMANDS = [command for command in SHOWN if command not in STARTING_DEVELOPMENT]
A_FEW_TESTS = "tests/server/test_cpu.py tests/browser/test_docs.py"
"""In place of all: this test is one of them."""


@pytest.mark.full
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.place)
def test_a_command_does_its_work(command: Command, tmp_path: Path) -> None:
    folder = checkout(tmp_path / "copy")
    subprocess.run(["git", "add", "--all", "--intent-to-add", "."], cwd=folder, check=True)
    options = f"--basetemp={tmp_path}/inner -p no:cacheprovider {A_FEW_TESTS}"
    done = subprocess.run(
        ["bash", "-euc", command.line],
        cwd=folder,
        env=clean_environ({"PYTEST_ADDOPTS": options}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    if "test" in command.line or "ci" in command.line:
        assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.parametrize("path", ["tests/accounts/test_sessions.py"])
def test_the_example_of_arguments_selects_something(path: str) -> None:
    [words] = re.findall(rf"bin/test {path} -k (\w+)", CONTRIBUTING.text)
    assert re.search(rf"^def test_\w*{words}", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
