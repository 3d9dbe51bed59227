"""docs/extending.md is followed to the letter, in a copy of this repository."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.service import ROOT, clean_environ

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FIRST_LINE = re.compile(r"(?:--|#) (\S+/\S+)\n")
HUNK = re.compile(r"^@@ (\S+)\n((?:[ +-].*\n)+)", re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as git knows it, with the packages and the caches of this one."""
    folder = tmp_path / "copy"
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    # A link is no folder, which .gitignore names.
    (folder / ".git" / "info" / "exclude").write_text("/.venv\n")
    return folder


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


def test_the_tutorial_works_from_its_first_line_to_its_last(copy: Path, empty_database_url: str) -> None:
    for language, block in BLOCKS:
        if language == "sh":
            for command in block.splitlines():
                run(command, copy, empty_database_url)
        elif language == "diff":
            hunks = HUNK.findall(block)
            assert "".join(f"@@ {name}\n{hunk}" for name, hunk in hunks) == block
            for name, hunk in hunks:
                apply_hunk(copy / name, hunk)
        else:
            first = FIRST_LINE.match(block)
            assert first, block
            write_file(copy, first[1], block[first.end() :])
    # What the last command ran passed because it was there.
    assert {language for language, _ in BLOCKS} == {"sh", "sql", "python", "diff"}
    assert "projects" in (copy / "sql" / "schema.sql").read_text(encoding="utf-8")
