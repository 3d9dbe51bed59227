"""Files that change after they were applied."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from app.migrations import actions, amend
from app.migrations.target import Target


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
def target(url: str, folder: Path, output: StringIO) -> Target:
    target = Target(url=url, folder=folder, applied_by="a test 1.0", report=TextReport(output), wait=10)
    actions.up(target)
    output.truncate(0)
    return target


def edit(folder: Path) -> None:
    (folder / "0001_one.sql").write_text("CREATE TABLE one (id bigint);\n")


def fail(action: Callable[[Target], None], target: Target) -> CommandError:
    with pytest.raises(CommandError) as caught:
        action(target)
    return caught.value


def test_an_edited_file_fails_check_and_names_the_way_out(target: Target, folder: Path) -> None:
    before = target.find("1").checksum
    edit(folder)
    error = fail(actions.check, target)
    assert error.exit_code == Exit.INVALID
    text = str(error)
    assert "0001_one.sql was edited after it was applied on 20" in text
    assert "UTC by a test 1.0." in text
    assert f"applied: {before}" in text
    assert f"now:     {target.find('1').checksum}" in text
    assert 'bin/migrate accept 0001_one --reason "…"' in text


def test_it_is_a_warning_while_nothing_is_pending(target: Target, folder: Path, output: StringIO) -> None:
    edit(folder)
    actions.up(target)
    actions.check(target, edits_matter=False)
    assert output.getvalue().count("0001_one.sql was edited after it was applied") == 2


def test_it_stops_whatever_is_pending(target: Target, folder: Path, other: psycopg.Connection[Any]) -> None:
    edit(folder)
    (folder / "0003_next.sql").write_text("CREATE TABLE three ();\n")
    for action in (actions.up, actions.plan, lambda target: actions.check(target, edits_matter=False)):
        assert fail(action, target).exit_code == Exit.INVALID
    assert other.execute("SELECT to_regclass('three')").fetchone() == (None,)


def test_line_endings_alone_are_a_note(target: Target, folder: Path, output: StringIO) -> None:
    path = folder / "0001_one.sql"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    actions.check(target)
    assert "Line endings or byte order mark changed since, the text did not: 0001_one" in output.getvalue()


def test_an_accepted_edit_is_recorded_with_its_reason(
    target: Target, folder: Path, other: psycopg.Connection[Any]
) -> None:
    edit(folder)
    amend.accept(target, "0001_one.sql", "only the type's name, see #12")
    actions.check(target)
    row = other.execute(
        "SELECT accept_reason, accepted_by, accepted_at IS NOT NULL, accepted_checksum <> checksum "
        "FROM schema_migrations WHERE version = 1"
    ).fetchone()
    assert row == ("only the type's name, see #12", "a test 1.0", True, True)


def test_an_edit_after_an_accepted_one_fails_again(target: Target, folder: Path) -> None:
    edit(folder)
    amend.accept(target, "1", "a reason")
    (folder / "0001_one.sql").write_text("CREATE TABLE one (id text);\n")
    assert fail(actions.check, target).exit_code == Exit.INVALID


def test_only_edits_of_applied_files_can_be_accepted(target: Target, folder: Path) -> None:
    (folder / "0003_next.sql").write_text("CREATE TABLE three ();\n")
    for name, reason, sentence in [
        ("0002_two", "a reason", "0002_two is as it was applied"),
        ("0003_next", "a reason", "0003_next is not applied"),
        ("0009_none", "a reason", "No migration is called 0009_none"),
        ("0002_two", " ", "A reason is needed"),
    ]:
        with pytest.raises(CommandError, match=sentence):
            amend.accept(target, name, reason)


def test_status_shows_which_were_edited_are_pending_or_missing_here(
    target: Target, folder: Path, output: StringIO
) -> None:
    edit(folder)
    (folder / "0002_two.sql").unlink()
    (folder / "0003_next.sql").write_text("CREATE TABLE three ();\n")
    actions.status(target)
    lines = output.getvalue().strip("\0").splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["applied", "0001_one"],
        ["applied", "0002_two"],
        ["pending", "0003_next"],
    ]
    assert lines[0].endswith("(edited since)")
    assert lines[1].endswith("(no such file here)")
