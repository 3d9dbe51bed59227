"""What docs/moving-from-node.md says is so, and its commands are run."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app.housekeeping.importing.arguments import COLUMNS, GOOGLE
from app.housekeeping.importing.candidates import CHANGES, REASONS

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection, run_command
from tests.middleware.test_shape import routes_of
from tests.support.node_backend import NOTED, NodeBackend, node_backend
from tests.support.pages import Block, Command, Page
from tests.support.service import ROOT, clean_environ

PAGE = Page("moving-from-node.md")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.fixture
def node(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    """With the page's column, and better-auth's table."""
    with node_backend(postgres) as backend:
        backend.crowd(2)
        backend.connection.execute(
            """
            CREATE TABLE account AS
            SELECT user_id, google_subject AS account_id, 'google' AS provider_id FROM users
            """
        )
        yield backend


@pytest.mark.parametrize("command", PAGE.commands(), ids=str)
def test_a_command_on_the_page_finds_the_people(
    command: Command, node: NodeBackend, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    if "--query" in command.line:
        node.connection.execute("ALTER TABLE users DROP COLUMN google_subject")
    else:
        with node.connection.cursor().copy("COPY users TO STDOUT WITH (FORMAT csv, HEADER)") as copy:
            (tmp_path / "users.csv").write_bytes(b"".join(copy))
    done = subprocess.run(
        ["sh", "-c", f"{ROOT}/{command.line}"],
        env=clean_environ({"DATABASE_URL": database_url, "NODE_DATABASE_URL": node.url}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mport 2 of 2 rows" in done.stdout or "Imported 2 of 2 rows" in done.stdout
    written = 2 if "--apply" in command.line else 0
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (written,)


@pytest.mark.parametrize("block", PAGE.blocks("sql"), ids=str)
def test_the_column_the_page_adds_is_the_one_the_import_reads(block: Block) -> None:
    assert block.text == f"{NOTED};\n"
    assert COLUMNS["subject"][0] in NOTED


def test_the_page_lists_every_option_and_word_of_the_report() -> None:
    for name, (default, _) in COLUMNS.items():
        assert f"| `--{name}-column` | `{default}` |" in PAGE.text
    assert f"| `--issuer` | `{GOOGLE}` |" in PAGE.text
    assert "slash at its end" in " ".join(run_command("users", "import", "--help").stdout.split())
    table = PAGE.text.partition("| word in the report |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    words = set(re.findall(r"`(\w+)`", "".join(cells)))
    assert words == {*REASONS, *CHANGES, "new", "already_there"}


def test_the_paths_that_replace_the_old_ones_are_there(app: Any) -> None:
    routes = {(method, template) for template, method, _ in routes_of(app)}
    table = PAGE.text.partition("## What changes")[2].partition("\n## ")[0]
    named = re.findall(r"`(GET|POST) ([^`?]+)[^`]*`", table)
    assert len(named) >= 8
    assert set(named) <= routes


def test_the_variables_that_stay_are_read() -> None:
    table = PAGE.text.partition("| variable | |")[2].partition("\n\n")[0]
    names = re.findall(r"`([A-Z_]+)`", table)
    assert len(names) == 13
    assert [name for name in names if f"`{name}`" not in CONFIGURATION] == []
