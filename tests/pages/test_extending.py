"""docs/extending.md is followed to the letter, in a copy of this repository beside its own bin/dev."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dev.conftest import Development
from tests.support.checkout import checkout
from tests.support.pages import Block, Page
from tests.support.service import clean_environ

BLOCKS = pytest.mark.parametrize("blocks", [Page("extending.md").all_blocks()], ids=["all"])
FIRST_LINE = re.compile(r"(?:--|#) (\S+/\S+)\n")
NAMES = {"projects": "project", "products": "product", "receipts": "receipt"}
"""The page's own, and two others as long, for the style's sake."""
OTHER = "receipts"
REACHED = [
    *("test_house.py", "accounts/test_accounts.py", "middleware/test_shape.py", "pages/test_docs.py"),
    *("database/test_query_plans.py", "database/test_readiness_rights.py", "openapi/test_routes.py"),
    *("migrations/test_dump.py", "migrations/test_files.py", "migrations/test_lint.py"),
]
"""Of the suite, what looks at all migrations, queries, resources or pages."""


class Reader:
    """Somebody who follows the page, with names of their own.

    Args:
        copy: the checkout.
        name: in the singular, in place of `project`.
    """

    def __init__(self, copy: Path, name: str) -> None:
        self._copy = copy
        self._name = name

    def follow(self, block: Block) -> None:
        text = self.renamed(block.text)
        match block.language:
            case "sh":
                for command in block.commands():
                    self.type(self.renamed(command.line))
            case "diff":
                self.type("git apply", text)
            case _:
                first = FIRST_LINE.match(text)
                assert first, block
                self.write(first[1], text[first.end() :])

    def undo(self, block: Block) -> None:
        """Takes away what a block has brought where somebody has followed the page already."""
        text = self.renamed(block.text)
        if block.language == "diff":
            back = ["git", "apply", "--reverse"]
            check = subprocess.run([*back, "--check"], cwd=self._copy, input=text, text=True, check=False)
            if check.returncode == 0:
                subprocess.run(back, cwd=self._copy, input=text, text=True, check=True)
        elif first := FIRST_LINE.match(text):
            for path in self._copy.glob(first[1].replace("NNNN", "*")):
                path.unlink()

    def follow_all(self, blocks: list[Block]) -> None:
        for block in blocks:
            self.follow(block)

    def type(self, line: str, paste: str = "", *, seconds: float = 600) -> None:
        """Runs a command, which must succeed."""
        subprocess.run(["git", "add", "--all", "--intent-to-add", "."], cwd=self._copy, check=True)
        # Beside the copy, as the tests that run in it clear their folder first.
        inner = f"--basetemp={self._copy.parent}/inner"
        data = str(self._copy.parent / "data")
        done = subprocess.run(
            ["bash", "-euc", line],
            cwd=self._copy,
            env=clean_environ({"DEV_DATA_DIR": data, "PYTEST_ADDOPTS": inner}),
            input=paste,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"

    def write(self, name: str, text: str) -> None:
        path = self._copy / name
        if "/NNNN_" in name:
            # Made by the command before, with the next number.
            (path,) = self._copy.glob(name.replace("NNNN", "*"))
        else:
            assert not path.exists(), path
        path.write_text(text, encoding="utf-8")

    def renamed(self, text: str) -> str:
        for ours in ("project", "Project", "PROJECT"):
            theirs = self._name.upper() if ours.isupper() else self._name
            text = text.replace(ours, theirs.capitalize() if ours.istitle() else theirs)
        return text


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout as it was before anybody followed the page."""
    copy = checkout(tmp_path / "copy")
    for name in NAMES.values():
        for block in reversed(Page("extending.md").all_blocks()):
            Reader(copy, name).undo(block)
    return copy


@pytest.fixture
def development(copy: Path) -> Iterator[Development]:
    running = Development(copy.parent / "data", program=str(copy / "bin" / "dev"))
    running.wait_until_serving()
    yield running
    running.kill()


@BLOCKS
@pytest.mark.parametrize("path", ["projects", pytest.param("products", marks=pytest.mark.full), OTHER])
def test_the_tutorial_works_from_its_first_line_to_its_last(
    blocks: list[Block], path: str, copy: Path, development: Development
) -> None:
    reader = Reader(copy, NAMES[path])
    reader.follow_all(blocks)
    # What the last command ran passed because it was there.
    assert {block.language for block in blocks} == {"sh", "sql", "python", "diff"}
    assert path in (copy / "sql" / "schema.sql").read_text(encoding="utf-8")
    assert requests.get(f"{development.url}/{path}", timeout=10).json()["code"] == "not_signed_in"
    if path == OTHER:
        reader.type(f"bin/test {' '.join(f'tests/{name}' for name in REACHED)}")


@pytest.mark.full
@pytest.mark.needs("npm")
@BLOCKS
def test_the_whole_suite_passes_with_one_more_migration_query_and_resource(
    blocks: list[Block], copy: Path, development: Development
) -> None:
    reader = Reader(copy, NAMES[OTHER])
    reader.follow_all(blocks)
    development.kill()
    [(generate, folder)] = re.findall(r"type `([^`]+)` in `([^`]+)`", Page("extending.md").text)
    reader.type(f"cd {folder} && {generate}")
    reader.type("bin/test", seconds=1800)
