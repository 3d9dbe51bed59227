"""`bin/migrate lint`: what squawk finds, as people read it."""

import sysconfig
from io import StringIO
from pathlib import Path

import pytest

from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from app.migrations.lint import lint
from app.settings.places import MIGRATIONS_FOLDER

SILENT = TextReport(StringIO())


def faults(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text, encoding="utf-8")
    try:
        lint(folder, report=SILENT)
    except CommandError as error:
        return list(error.sentences)
    return []


def test_our_own_migrations_are_clean() -> None:
    lint(MIGRATIONS_FOLDER, report=SILENT)


def test_a_finding_names_file_line_and_rule(tmp_path: Path) -> None:
    said = faults(tmp_path, m0001_a="-- first\n\nCREATE INDEX people_name_idx ON people (name);\n")
    assert said[0].startswith("0001_a.sql:3: ")
    assert "concurrently" in said[0]
    assert said[0].endswith("(require-concurrent-index-creation)")
    assert said[-1].startswith("1 finding(s).")


def test_findings_end_with_the_exit_code_of_invalid_files(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("DROP TABLE people;\n", encoding="utf-8")
    with pytest.raises(CommandError) as refused:
        lint(tmp_path, report=SILENT)
    assert refused.value.exit_code == Exit.INVALID


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / "in [brackets]*"
    folder.mkdir()
    assert faults(folder, m0001_a="SELECT 1;\n\nDROP TABLE people;\n")[0].startswith("0001_a.sql:3: ")


def test_a_line_that_is_no_sql_is_one_finding(tmp_path: Path) -> None:
    said = faults(tmp_path, m0001_a="SELECT 1;\nCREATE TABL people;\n")
    assert [line.partition(" ")[0] for line in said[:-1]] == ["0001_a.sql:2:"]


def test_a_concurrent_index_belongs_into_a_file_without_transaction(tmp_path: Path) -> None:
    statement = "CREATE INDEX CONCURRENTLY people_name_idx ON people (name);\n"
    said = faults(tmp_path, m0001_a=f"SELECT 1;\n{statement}")
    assert "(ban-concurrent-index-creation-in-transaction)" in said[0]
    assert faults(tmp_path, m0001_a=f"-- migrate: no-transaction\n{statement}") == []


def test_a_comment_lets_one_statement_off_one_rule(tmp_path: Path) -> None:
    statement = "ALTER TABLE people DROP COLUMN name;\n"
    assert "(ban-drop-column)" in faults(tmp_path, m0001_a=statement)[0]
    reason = "-- Nothing reads it since 1.4.\n-- squawk-ignore ban-drop-column\n"
    assert faults(tmp_path, m0001_a=reason + statement) == []


def test_an_ordinary_file_need_not_set_the_timeouts_that_the_runner_sets(tmp_path: Path) -> None:
    assert faults(tmp_path, m0001_a="ALTER TABLE people ADD COLUMN age bigint;\n") == []


def test_no_squawk_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    with pytest.raises(CommandError, match="pip install squawk-cli") as refused:
        lint(MIGRATIONS_FOLDER, report=SILENT)
    assert refused.value.exit_code == Exit.UNAVAILABLE
