"""What docs/moving-from-node.md says is so, and its commands are run."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection
from tests.middleware.test_shape import routes_of
from tests.support.node_backend import NOTED, NodeBackend, node_backend
from tests.support.pages import Block, Page
from tests.support.service import ROOT, clean_environ
from tests.support.user_import import HEADER

PAGE = Page("moving-from-node.md")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SCRIPT = (ROOT / "sql" / "import_users.sql").read_text(encoding="utf-8")
APPLIED, BETTER_AUTH = PAGE.blocks("sh")
REAL_RUN = APPLIED.commands()[-1].line
SAID = [
    "Nothing is written: this was a dry run. -v apply=1 writes.",
    "Done: the new people have their accounts.",
]


@pytest.fixture
def node(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    """With the page's column."""
    with node_backend(postgres) as backend:
        backend.crowd(2)
        yield backend


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the script is as it is in a checkout, and a file can be written."""
    (tmp_path / "sql").symlink_to(ROOT / "sql")
    return tmp_path


def typed(text: str, folder: Path, postgres: EmbeddedPostgres, node: NodeBackend, database_url: str) -> str:
    """What the commands print; psql is the newest of the wheel."""
    path = f"{postgres.bin}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", text],
        env=clean_environ({"PATH": path, "DATABASE_URL": database_url, "NODE_DATABASE_URL": node.url}),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", [APPLIED], ids=str)
def test_the_first_commands_of_the_page_try_the_import_and_do_it(
    block: Block,
    folder: Path,
    postgres: EmbeddedPostgres,
    node: NodeBackend,
    database_url: str,
    connection: Connection,
) -> None:
    *before, _ = block.text.splitlines(keepends=True)
    said = typed("".join(before), folder, postgres, node, database_url)
    assert said.splitlines()[-1] == SAID[0]
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (0,)
    said = typed(block.text, folder, postgres, node, database_url)
    assert re.findall(r"^(?:Nothing|Done).*", said, re.MULTILINE) == SAID
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (2,)


@pytest.mark.parametrize("block", [BETTER_AUTH], ids=str)
def test_subjects_in_better_auths_table_come_too(
    block: Block,
    folder: Path,
    postgres: EmbeddedPostgres,
    node: NodeBackend,
    database_url: str,
    connection: Connection,
) -> None:
    node.connection.execute(
        """
        CREATE TABLE account AS
        SELECT user_id, google_subject AS account_id, 'google' AS provider_id, now() AS created_at FROM users;
        INSERT INTO account SELECT user_id, 'ada', 'credential', now() FROM users;
        ALTER TABLE users DROP COLUMN google_subject;
        INSERT INTO users (email) VALUES ('nobody@example.com')
        """
    )
    said = typed(block.text + REAL_RUN, folder, postgres, node, database_url)
    assert said.splitlines()[-1] == SAID[1]
    assert re.search(r"no_subject +\| +1\n", said)
    read = "SELECT count(*) FROM identities WHERE subject LIKE '1000000000000000000__'"
    assert connection.execute(read).fetchone() == (2,)


@pytest.mark.parametrize("block", PAGE.blocks("sql"), ids=str)
def test_the_column_the_page_adds_is_the_one_the_import_reads(block: Block) -> None:
    assert block.text == f"{NOTED};\n"
    assert NOTED.split()[-2] in HEADER.strip().split(",")


def test_the_page_lists_every_word_of_the_report() -> None:
    table = PAGE.text.partition("| word in the report |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    words = set(re.findall(r"(?:THEN |ELSE |\()'(\w+)'(?:,|$)", SCRIPT, re.MULTILINE))
    assert len(words) == 14
    assert set(re.findall(r"`(\w+)`", "".join(cells))) == words


def test_the_paths_that_replace_the_old_ones_are_there(app: Any) -> None:
    routes = {(method, template) for template, method, _ in routes_of(app)}
    table = PAGE.text.partition("## What changes")[2].partition("\n## ")[0]
    named = re.findall(r"`(GET|POST) ([^`?]+)[^`]*`", table)
    assert len(named) >= 8
    provider = "/auth/callback/{provider}"
    assert {
        (method, provider if path == "/auth/callback/google" else path) for method, path in named
    } <= routes


def test_the_variables_that_stay_are_read() -> None:
    table = PAGE.text.partition("| variable | |")[2].partition("\n\n")[0]
    names = re.findall(r"`([A-Z_]+)`", table)
    assert len(names) == 13
    assert [name for name in names if f"`{name}`" not in CONFIGURATION] == []
