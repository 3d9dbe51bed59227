"""Every block of every page is handed to a test, which runs it or holds it against what is so."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.pages import PAGES, Page
from tests.support.service import ROOT, clean_environ

NOT_HERE = {"Docker", "Kubernetes", "systemd"}
"""What a block may need, and then no test runs it."""


@pytest.fixture(scope="module")
def tests_of() -> dict[str, list[str]]:
    """Of each place in the documentation, those that are handed what stands there."""
    command = [sys.executable, "-m", "tests.support.handed_out"]
    environ = clean_environ({"PYTHONPATH": str(ROOT)})
    listed = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stderr[-2000:]
    found = defaultdict(list)
    for line in listed.stdout.splitlines():
        place, _, test = line.partition("\t")
        found[place].append(test)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_block_is_handed_to_a_test(path: Path, tests_of: dict[str, list[str]]) -> None:
    orphans = []
    for block in Page(str(path.relative_to(ROOT))).all_blocks():
        if block.needs:
            assert block.needs in NOT_HERE, block.place
        elif block.place not in tests_of:
            commands = list(block.commands()) if block.language == "sh" else []
            orphans += [command.place for command in commands if command.place not in tests_of]
            orphans += [] if commands else [block.place]
    assert orphans == [], "No test is handed these as a parameter"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_are_written_in_the_one_way_that_is_looked_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    page = Page(str(path.relative_to(ROOT)))
    assert len(re.findall(r"```|~~~", text)) == 2 * len(page.all_blocks())
    assert len(re.findall(r"<!-- needs", text)) == len([block for block in page.all_blocks() if block.needs])
    assert all(block.language for block in page.all_blocks())
