"""What docs/migrations.md shows is run: its examples, on tables with rows, and its commands."""

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import Exit
from app.commands.report import TextReport
from app.migrations.actions import up
from app.migrations.arguments import make_parser
from app.migrations.lint import lint
from app.migrations.target import Target
from app.settings.places import MIGRATIONS_FOLDER
from tests.migrations.conftest import BOTH
from tests.support.pages import PAGES, Block, Command, Page
from tests.support.service import Process

PAGE = Page("migrations.md")
SENT_MEANWHILE = Page("tests/migrations/changes_in_use.md")
FIRST_LINE = re.compile(r"-- .*version (\d) (runs|migrates: (\S+)|is deployed, this finds nothing)\n")
HANGING = "A migration hangs"
ROWS = """
    INSERT INTO users (email, name, picture)
    SELECT n || '@example.com',
           CASE WHEN n % 3 > 0 THEN 'Name ' || n END,
           CASE WHEN n % 2 > 0 THEN 'https://example.com/' || n END
    FROM generate_series(1, 2500) AS n
"""

Connection = psycopg.Connection[Any]


@dataclass
class Version:
    """Files by name, what the version sends, and what must find nothing while it is deployed."""

    files: dict[str, Block] = field(default_factory=dict)
    queries: list[Block] = field(default_factory=list)
    finds_nothing: list[Block] = field(default_factory=list)


def examples() -> dict[str, dict[int, Version]]:
    """The page's, with what each version sends meanwhile, and the one that the page only tells of."""
    found = {}
    for heading in re.findall(r"^## (.+)$", SENT_MEANWHILE.text, re.MULTILINE):
        versions: dict[int, Version] = {}
        for block in [*PAGE.blocks("sql", below=heading), *SENT_MEANWHILE.blocks("sql", below=heading)]:
            match = FIRST_LINE.match(block.text)
            assert match, block
            version = versions.setdefault(int(match[1]), Version())
            if match[3]:
                version.files[match[3]] = block
            elif match[2] == "runs":
                version.queries.append(block)
            else:
                version.finds_nothing.append(block)
        found[heading] = versions
    return found


def content(file: Block) -> str:
    """What stands in the file: all but the line that names it."""
    return file.text.partition("\n")[2]


EXAMPLES = examples()


@pytest.fixture
def target(url: str, tmp_path: Path) -> Target:
    """A database of ours, and a folder where the examples' files go beside our own."""
    folder = Path(shutil.copytree(MIGRATIONS_FOLDER, tmp_path / "migrations"))
    target = Target(url=url, folder=folder, applied_by="a test", report=TextReport(StringIO()), wait=10.0)
    up(target)
    return target


@pytest.fixture
def filled(target: Target) -> Iterator[Connection]:
    """A connection to that database, in which there are people."""
    with psycopg.connect(target.url, autocommit=True) as connection:
        connection.execute(ROWS)
        yield connection


def send(connection: Connection, queries: list[Block]) -> None:
    for query in queries:
        connection.execute(query.text.encode())


def test_the_page_has_the_examples_it_speaks_of() -> None:
    changes = PAGE.section("Changing a schema that is in use")
    assert list(EXAMPLES) == re.findall(r"^### (.+)$", changes, re.MULTILINE)
    assert list(EXAMPLES) == [
        "Add a NOT NULL column",
        "Add a NOT NULL column whose value differs from row to row",
        "Rename a column",
        "Add an index on a big table",
        "Change a type",
    ]
    versions = [version for versions in EXAMPLES.values() for version in versions.values()]
    applied = [file for version in versions for file in version.files.values()]
    assert set(PAGE.blocks("sql", below="Changing a schema that is in use")) <= set(applied)
    assert all(version.queries for version in versions)


@pytest.mark.parametrize("server", BOTH, indirect=True)
@pytest.mark.parametrize("versions", EXAMPLES.values(), ids=list(EXAMPLES))
def test_old_and_new_queries_work_at_each_step(
    versions: dict[int, Version], target: Target, filled: Connection
) -> None:
    previous: list[Block] = []
    for _, version in sorted(versions.items()):
        send(filled, previous)
        for name, file in version.files.items():
            (target.folder / name).write_text(content(file), encoding="utf-8")
            up(target)
            send(filled, previous)
        for queries in (version.queries, previous, version.queries):
            send(filled, queries)
            for check in version.finds_nothing:
                assert filled.execute(check.text.encode()).fetchall() == []
        previous = version.queries
    applied = {str(row[0]) for row in filled.execute("SELECT name FROM schema_migrations")}
    files = {file.removesuffix(".sql") for version in versions.values() for file in version.files}
    assert files <= applied


@pytest.mark.parametrize("versions", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_examples_pass_the_linter(versions: dict[int, Version], tmp_path: Path) -> None:
    for version in versions.values():
        for name, file in version.files.items():
            (tmp_path / name).write_text(content(file), encoding="utf-8")
    lint(tmp_path, report=TextReport(StringIO()))


@pytest.mark.parametrize("query", PAGE.blocks("sql", below=HANGING), ids=str)
def test_the_query_for_open_transactions_names_them_and_their_tables(
    query: Block, url: str, filled: Connection
) -> None:
    with psycopg.connect(url, application_name="forgotten psql") as idle:
        idle.execute("SELECT 1 FROM users LIMIT 1")
        found = filled.execute(query.text.encode()).fetchall()
        assert [row[:3] for row in found] == [
            (idle.info.backend_pid, "forgotten psql", "idle in transaction")
        ]
    assert "users" in found[0][4].split(", ")


def test_the_page_lists_every_exit_code() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE.text, flags=re.MULTILINE)
    assert [int(code) for code in table] == sorted(set(Exit) - {Exit.NOT_FOUND})


def test_every_command_on_any_page_can_be_typed() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES if path.name != "CHANGELOG.md")
    lines = re.findall(r"`bin/migrate([^`]*)`", pages)
    lines += re.findall(r"^bin/migrate(.*)$", pages, flags=re.MULTILINE)
    assert len(lines) > 10
    for line in lines:
        arguments = shlex.split(line, comments=True)
        if arguments != ["--help"]:
            make_parser().parse_args(arguments)


@pytest.mark.parametrize("command", PAGE.commands(below="Exit code 3"), ids=str)
def test_an_edit_is_accepted_as_the_page_says(command: Command, target: Target) -> None:
    [program, accept, name, *reason] = shlex.split(command.line)
    file = target.folder / f"{name}.sql"
    file.write_text("ALTER TABLE users ADD COLUMN locale text;\n", encoding="utf-8")
    up(target)
    file.write_text("-- As in a browser's settings.\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    for arguments, code in ((["check"], Exit.INVALID), ([accept, name, *reason], 0), (["check"], 0)):
        runner = Process(
            program, "--folder", str(target.folder), *arguments, environ={"DATABASE_URL": target.url}
        )
        try:
            assert runner.wait() == code, runner.output
        finally:
            runner.kill()
