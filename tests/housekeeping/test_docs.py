"""What docs/housekeeping.md shows is run."""

import re
import shlex

import pytest

from app.housekeeping.errors import Exit
from tests.housekeeping.conftest import Connection, People, Run, run_command
from tests.support.service import ROOT

PAGE = (ROOT / "docs" / "housekeeping.md").read_text(encoding="utf-8")
MOVING = (ROOT / "docs" / "moving-from-node.md").read_text(encoding="utf-8")
"""Where `bin/users import` is shown, and run."""
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = sorted({line for block in BLOCKS for line in block.splitlines()})
IN_PASSING = sorted(set(re.findall(r"`bin/((?:sessions|users|secret)[^`]*)`", PAGE)))
SESSION = re.search(r"revoke ([0-9a-f-]{36})", PAGE)


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_on_the_page_does_its_work(
    line: str, run: Run, people: People, connection: Connection
) -> None:
    assert SESSION
    user = people.user("ada@example.com", "Ada Lovelace")
    people.session(user)
    connection.execute("UPDATE sessions SET id = %s", (SESSION[1],))
    assert line.startswith("bin/")
    outcome = run(*shlex.split(line.removeprefix("bin/"), comments=True))
    assert outcome.code == 0, outcome.stderr
    if "--json" in line:
        assert outcome.objects or "--disabled" in line


def test_the_page_shows_every_command() -> None:
    shown = {" ".join(line.split()[:2]) for line in [*SHOWN, *MOVING.splitlines()]}
    for command in ("sessions", "users"):
        listed = re.findall(r"^    ([a-z]+) ", run_command(command, "--help").stdout, re.MULTILINE)
        assert len(listed) == {"sessions": 3, "users": 5}[command]
        assert {f"bin/{command} {name}" for name in listed} <= shown


@pytest.mark.parametrize("line", IN_PASSING)
def test_a_command_named_in_passing_can_be_typed(line: str, run: Run, people: People) -> None:
    people.user("ada@example.com", "Ada Lovelace")
    # Those that ask have nobody to answer here.
    expected = 2 if line in {"sessions revoke --all", "users delete ada@example.com"} else 0
    bare = line in {"sessions", "users"}
    assert run(*shlex.split(line), *(["--help"] if bare else [])).code == expected


def test_the_page_lists_every_exit_code_and_event() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)
    assert [int(code) for code in table] == sorted(Exit)
    sources = "".join(path.read_text() for path in (ROOT / "app" / "housekeeping").glob("*.py"))
    for event in ("session_revoked", "sessions_purged", "user_disabled", "user_enabled", "user_deleted"):
        assert f'"{event}"' in sources
        assert f"`{event}`" in PAGE
