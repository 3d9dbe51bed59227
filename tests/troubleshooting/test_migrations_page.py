"""Each exit code that docs/migrations.md explains is what `bin/migrate` ends with when that is so."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from app.migrations.runner.lock import lock_key
from tests.support.bare import make_bare_root
from tests.support.pages import Page, rows
from tests.support.service import Process
from tests.support.waiting import until

ENTRIES = [int(row[0]) for row in rows(Page("migrations.md").section("Exit codes").partition("\n### ")[0])]
FAILS_HALF_WAY = """\
-- migrate: no-transaction
DO $$ BEGIN CREATE TABLE half (id bigint); COMMIT; PERFORM 1 / 0; END $$;
"""


class Case:
    """A database without tables, a folder with one migration, and the command."""

    def __init__(self, url: str, folder: Path, stack: ExitStack) -> None:
        self.url = url
        self.folder = folder
        self.stack = stack
        self.write("CREATE TABLE things (id bigint);")

    def write(self, text: str, *, name: str = "0001_things.sql") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self, *arguments: str, command: str = "bin/migrate", **environ: str) -> Process:
        line = (command, "--folder", str(self.folder), *arguments)
        process = Process(*line, environ={"DATABASE_URL": self.url, **environ})
        self.stack.callback(process.kill)
        return process

    def run(self, *arguments: str, **options: str) -> int:
        return self.start(*arguments, **options).wait()

    def run_with(self, text: str, *arguments: str) -> int:
        self.write(text)
        return self.run(*arguments)

    def hold_the_lock(self) -> None:
        holder = self.stack.enter_context(psycopg.connect(self.url))
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))


def interrupted(case: Case) -> int:
    case.run_with(FAILS_HALF_WAY)
    return case.run()


def misnamed(case: Case) -> int:
    case.write("SELECT 1;", name="two.sql")
    return case.run()


def without_its_tool(case: Case) -> int:
    root = make_bare_root(case.folder.parent / "bare", without=("squawk",))
    return case.run("lint", command=str(root / "bin" / "migrate"))


def held_up(case: Case) -> int:
    case.hold_the_lock()
    return case.run("up", "--wait", "1")


def stopped(case: Case) -> int:
    case.hold_the_lock()
    process = case.start()
    until(lambda: "Waiting for another runner" in process.output, seconds=20, what="it waits")
    process.signal(signal.SIGTERM)
    return process.wait()


CAUSES: dict[int, Callable[[Case], int]] = {
    0: lambda case: case.run(),
    1: lambda case: case.run_with("SELECT 1 / 0;"),
    2: lambda case: case.run("sideways"),
    3: misnamed,
    4: interrupted,
    5: lambda case: case.run("check"),
    69: without_its_tool,
    75: held_up,
    78: lambda case: case.run(DATABASE_URL=""),
    143: stopped,
}


@pytest.fixture
def case(empty_database_url: str, tmp_path: Path) -> Iterator[Case]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    with ExitStack() as stack:
        yield Case(empty_database_url, folder, stack)


@pytest.mark.parametrize("code", ENTRIES)
def test_the_command_ends_with_the_code_on_the_page(code: int, case: Case) -> None:
    assert CAUSES[code](case) == code


def test_the_page_has_all_that_are_brought_about_here() -> None:
    assert set(ENTRIES) == set(CAUSES)
