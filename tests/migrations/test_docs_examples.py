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

from app.migrations.actions import up
from app.migrations.arguments import make_parser
from app.migrations.errors import Exit
from app.migrations.files import MIGRATIONS_FOLDER
from app.migrations.lint import lint
from app.migrations.report import PlainReport
from app.migrations.target import Target
from tests.migrations.conftest import BOTH
from tests.support.service import ROOT

PAGE = (ROOT / "docs" / "migrations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sql\n(-- [^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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

    files: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    finds_nothing: list[str] = field(default_factory=list)


def examples() -> dict[str, dict[int, Version]]:
    found = {}
    for section in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE):
        versions: dict[int, Version] = {}
        for first_line, text in BLOCK.findall(section):
            if not (
                match := re.search(
                    r"version (\d) (runs|migrates: (\S+)|is deployed, this finds nothing)$", first_line
                )
            ):
                continue
            version = versions.setdefault(int(match[1]), Version())
            if match[3]:
                version.files[match[3]] = text
            elif match[2] == "runs":
                version.queries.append(text)
            else:
                version.finds_nothing.append(text)
        if versions:
            found[section.partition("\n")[0]] = versions
    return found


EXAMPLES = examples()


@pytest.fixture
def target(url: str, tmp_path: Path) -> Target:
    """A database of ours, and a folder where the examples' files go beside our own."""
    folder = Path(shutil.copytree(MIGRATIONS_FOLDER, tmp_path / "migrations"))
    target = Target(url=url, folder=folder, applied_by="a test", report=PlainReport(StringIO()), wait=10.0)
    up(target)
    return target


@pytest.fixture
def filled(target: Target) -> Iterator[Connection]:
    """A connection to that database, in which there are people."""
    with psycopg.connect(target.url, autocommit=True) as connection:
        connection.execute(ROWS)
        yield connection


def send(connection: Connection, queries: list[str]) -> None:
    for query in queries:
        connection.execute(query.encode())


def test_the_page_has_the_examples_it_speaks_of() -> None:
    assert list(EXAMPLES) == [
        "Add a NOT NULL column",
        "Add a NOT NULL column whose value differs from row to row",
        "Rename a column",
        "Add an index on a big table",
        "Change a type",
    ]
    assert all(version.queries for versions in EXAMPLES.values() for version in versions.values())


@pytest.mark.parametrize("server", BOTH, indirect=True)
@pytest.mark.parametrize("name", EXAMPLES)
def test_old_and_new_queries_work_at_each_step(name: str, target: Target, filled: Connection) -> None:
    previous: list[str] = []
    for _, version in sorted(EXAMPLES[name].items()):
        send(filled, previous)
        for file, text in version.files.items():
            (target.folder / file).write_text(text, encoding="utf-8")
            up(target)
            send(filled, previous)
        for queries in (version.queries, previous, version.queries):
            send(filled, queries)
            for check in version.finds_nothing:
                assert filled.execute(check.encode()).fetchall() == []
        previous = version.queries
    applied = {str(row[0]) for row in filled.execute("SELECT name FROM schema_migrations")}
    files = {file.removesuffix(".sql") for version in EXAMPLES[name].values() for file in version.files}
    assert files <= applied


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_pass_the_linter(name: str, tmp_path: Path) -> None:
    for version in EXAMPLES[name].values():
        for file, text in version.files.items():
            (tmp_path / file).write_text(text, encoding="utf-8")
    lint(tmp_path, report=PlainReport(StringIO()))


def test_the_query_for_open_transactions_names_them_and_their_tables(url: str, filled: Connection) -> None:
    query = next(text for first_line, text in BLOCK.findall(PAGE) if "who holds which tables" in first_line)
    with psycopg.connect(url, application_name="forgotten psql") as idle:
        idle.execute("SELECT 1 FROM users LIMIT 1")
        found = filled.execute(query.encode()).fetchall()
        assert [row[:3] for row in found] == [
            (idle.info.backend_pid, "forgotten psql", "idle in transaction")
        ]
    assert "users" in found[0][4].split(", ")


def test_the_page_lists_every_exit_code() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)
    assert [int(code) for code in table] == sorted(Exit)


def test_every_command_on_the_page_can_be_typed() -> None:
    lines = re.findall(r"`bin/migrate([^`]*)`", PAGE) + re.findall(
        r"^bin/migrate(.*)$", PAGE, flags=re.MULTILINE
    )
    assert len(lines) > 10
    for line in lines:
        arguments = shlex.split(line, comments=True)
        if arguments != ["--help"]:
            make_parser().parse_args(arguments)
