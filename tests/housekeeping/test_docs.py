"""What docs/housekeeping.md shows is run."""

import re
import shlex

import pytest

from app.commands.errors import Exit
from tests.housekeeping.conftest import Connection, People, Run, run_command
from tests.support.pages import PAGES, Command, Page
from tests.support.service import ROOT

PAGE = Page("housekeeping.md")
TEXT = "".join(path.read_text(encoding="utf-8") for path in PAGES if path.name != "CHANGELOG.md")
IN_PASSING = sorted(set(re.findall(r"`bin/((?:sessions|users|secret)[^`]*)`", TEXT)))
"""On any page."""
SESSION = re.search(r"revoke ([0-9a-f-]{36})", PAGE.text)


@pytest.mark.parametrize("command", PAGE.commands(), ids=str)
def test_a_command_on_the_page_does_its_work(
    command: Command, run: Run, people: People, connection: Connection
) -> None:
    assert SESSION
    user = people.user("ada@example.com", "Ada Lovelace")
    people.session(user)
    connection.execute("UPDATE sessions SET id = %s", (SESSION[1],))
    connection.execute("INSERT INTO invitations (email) VALUES ('grace@example.com')")
    assert command.line.startswith("bin/")
    outcome = run(*shlex.split(command.line.removeprefix("bin/")))
    assert outcome.code == 0, outcome.stderr
    if "--json" in command.line:
        assert outcome.objects or "--disabled" in command.line


def test_the_page_shows_every_command() -> None:
    shown = {" ".join(command.line.split()[:2]) for command in PAGE.commands()}
    for command in ("sessions", "users"):
        listed = re.findall(r"^    ([a-z]+) ", run_command(command, "--help").stdout, re.MULTILINE)
        assert len(listed) == {"sessions": 3, "users": 11}[command]
        assert {f"bin/{command} {name}" for name in listed} <= shown


@pytest.mark.parametrize("line", IN_PASSING)
def test_a_command_named_in_passing_can_be_typed(line: str, run: Run, people: People) -> None:
    people.user("ada@example.com", "Ada Lovelace")
    outcome = run(*shlex.split(line))
    if re.search("arguments are required|revoke takes", outcome.stderr):
        # A sentence names the command, and leaves out whom it is about.
        outcome = run(*shlex.split(line), "--help")
    # Those that ask have nobody to answer here.
    asks = line in {"sessions revoke --all", "users delete ada@example.com"}
    assert outcome.code == (2 if asks else 0), outcome.stderr


def test_the_page_lists_every_exit_code_and_event() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE.text, flags=re.MULTILINE)
    assert [int(code) for code in table] == sorted(set(Exit) - {Exit.INVALID, Exit.NEEDS_RESOLVE})
    sources = "".join(path.read_text() for path in (ROOT / "app" / "housekeeping").glob("*.py"))
    for event in ("session_revoked", "sessions_purged", "user_disabled", "user_enabled", "user_deleted"):
        assert f'"{event}"' in sources
        assert f"`{event}`" in PAGE.text
