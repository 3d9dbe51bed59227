"""docs/extending.md is followed to the letter, in a copy of this repository."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import checkout
from tests.support.pages import Block, Page
from tests.support.service import clean_environ

FIRST_LINE = re.compile(r"(?:--|#) (\S+/\S+)\n")
HUNK = re.compile(r"^@@ (\S+)\n((?:[ +-].*\n)+)", re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return checkout(tmp_path / "copy")


def run(command: str, copy: Path, database_url: str) -> None:
    subprocess.run(["git", "add", "--all", "--intent-to-add", "."], cwd=copy, check=True)
    # Beside the copy, as the tests that run in it clear their folder first.
    environ = clean_environ(
        {"DATABASE_URL": database_url, "PYTEST_ADDOPTS": f"--basetemp={copy.parent}/inner"}
    )
    done = subprocess.run(
        shlex.split(command),
        cwd=copy,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"


def apply_hunk(path: Path, hunk: str) -> None:
    """Puts the lines into the one place where those before and after them are."""
    lines = hunk.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text(encoding="utf-8")
    assert f"\n{text}".count(f"\n{old}") == 1, f"{path.name} must have this once:\n{old}"
    path.write_text(f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:], encoding="utf-8")


def write_file(copy: Path, name: str, text: str) -> None:
    if "/NNNN_" in name:
        # Made by the command before, with the next number.
        (path,) = copy.glob(name.replace("NNNN", "*"))
    else:
        path = copy / name
        assert not path.exists(), path
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("blocks", [Page("extending.md").all_blocks()], ids=["all"])
def test_the_tutorial_works_from_its_first_line_to_its_last(
    blocks: list[Block], copy: Path, empty_database_url: str
) -> None:
    for block in blocks:
        if block.language == "sh":
            for command in block.commands():
                run(command.line, copy, empty_database_url)
        elif block.language == "diff":
            hunks = HUNK.findall(block.text)
            assert "".join(f"@@ {name}\n{hunk}" for name, hunk in hunks) == block.text
            for name, hunk in hunks:
                apply_hunk(copy / name, hunk)
        else:
            first = FIRST_LINE.match(block.text)
            assert first, block
            write_file(copy, first[1], block.text[first.end() :])
    # What the last command ran passed because it was there.
    assert {block.language for block in blocks} == {"sh", "sql", "python", "diff"}
    assert "projects" in (copy / "sql" / "schema.sql").read_text(encoding="utf-8")
