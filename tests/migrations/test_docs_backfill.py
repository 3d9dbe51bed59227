"""The batched fill of docs/migrations.md: it waits for nobody, and can be killed and repeated."""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.settings.places import MIGRATIONS_FOLDER
from tests.support.pages import Command, Page
from tests.support.service import Process
from tests.support.waiting import until

PAGE = Page("migrations.md")
ADD, FILL = "0101_add_users_display_name", "0102_fill_users_display_name"
ROWS = 2500
FILLED = "SELECT count(*) FROM users WHERE display_name IS NOT NULL"
ROUND = "SELECT xact_start FROM pg_stat_activity WHERE application_name = 'bin/migrate up'"

Connection = psycopg.Connection[Any]


def from_the_page(name: str) -> str:
    pattern = rf"^-- version \d migrates: {name}\.sql\n(.*?)^```$"
    found = re.search(pattern, PAGE.text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(database_url: str, tmp_path: Path) -> Path:
    """Migrations of which the fill alone is pending."""
    folder = Path(shutil.copytree(MIGRATIONS_FOLDER, tmp_path / "migrations"))
    (folder / f"{ADD}.sql").write_text(from_the_page(ADD), encoding="utf-8")
    with bin_migrate(database_url, folder) as runner:
        assert runner.wait() == 0, runner.output
    (folder / f"{FILL}.sql").write_text(from_the_page(FILL), encoding="utf-8")
    return folder


@pytest.fixture
def people(connection: Connection) -> Connection:
    connection.execute(
        "INSERT INTO users (email) SELECT n || '@example.com' FROM generate_series(1, %s) AS n", (ROWS,)
    )
    return connection


@contextmanager
def bin_migrate(url: str, folder: Path, *arguments: str) -> Iterator[Process]:
    process = Process("bin/migrate", "--folder", str(folder), *arguments, environ={"DATABASE_URL": url})
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def one_row_in_use(url: str) -> Iterator[None]:
    with psycopg.connect(url) as writer:
        writer.execute("UPDATE users SET name = 'Grace' WHERE email = '7@example.com'")
        yield


def wait_until_the_others_are_filled(people: Connection) -> None:
    until(lambda: people.execute(FILLED).fetchone() == (ROWS - 1,), seconds=10, what="all rows but one")


def wait_for_more_rounds(people: Connection) -> None:
    """Each round of the fill is a transaction of its own."""
    begun: set[object] = set()

    def several() -> bool:
        begun.update(people.execute(ROUND).fetchall())
        return len(begun) > 3

    until(several, seconds=10, what="more rounds of the fill")


def test_it_fills_the_others_first_and_then_the_row_that_was_in_use(
    database_url: str, people: Connection, folder: Path
) -> None:
    with bin_migrate(database_url, folder) as runner:
        with one_row_in_use(database_url):
            wait_until_the_others_are_filled(people)
            wait_for_more_rounds(people)
        assert runner.wait() == 0, runner.output
    row = people.execute("SELECT display_name FROM users WHERE email = '7@example.com'").fetchone()
    assert row == ("Grace",)


@pytest.mark.parametrize("command", PAGE.commands(below="Exit code 4"), ids=str)
def test_killed_in_the_middle_it_goes_on_as_the_operator_says(
    command: Command, database_url: str, people: Connection, folder: Path
) -> None:
    with one_row_in_use(database_url), bin_migrate(database_url, folder) as runner:
        wait_until_the_others_are_filled(people)
        runner.kill()
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'bin/migrate up'"
        until(lambda: people.execute(gone).fetchone() == (True,), seconds=15, what="the orphan's end")
    [program, *resolve] = shlex.split(command.line)
    assert program == "bin/migrate"
    for arguments, code in (([], 4), (resolve, 0), ([], 0)):
        with bin_migrate(database_url, folder, *arguments) as runner:
            assert runner.wait() == code, runner.output
    # The row in use is the one that was left.
    assert people.execute(FILLED).fetchone() == (ROWS if "--retry" in resolve else ROWS - 1,)
