"""A file is one transaction: nothing in it ends that, and where something does, no false sentence is said."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.runner.execute import TransactionEndedError, execute, execute_in_transaction
from app.migrations.script.files import Migration, load_migrations
from app.migrations.script.script import Script
from app.migrations.script.statements import Statement
from tests.migrations.conftest import BOTH_IN_FULL, MakeRunner

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.parametrize("server", BOTH_IN_FULL, indirect=True)
HIDDEN = """\
CREATE TABLE three (id int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1 case; END;
INSERT INTO three VALUES (1);
{};
SELECT 1/0;
"""


def table(other: Connection, name: str) -> Any:
    return other.execute("SELECT to_regclass(%s)::text", (name,)).fetchone()[0]  # type: ignore[index]  # one row


def fail(make_runner: MakeRunner) -> CommandError:
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    return caught.value


@pytest.mark.parametrize(
    "end", ["COMMIT", "COMMIT AND CHAIN", "END", "ROLLBACK", "ROLLBACK AND CHAIN", "PREPARE TRANSACTION 'a'"]
)
def test_an_end_behind_a_function_is_found_before_anything_runs(
    make_runner: MakeRunner, folder: Path, other: Connection, end: str
) -> None:
    (folder / "0003_hidden.sql").write_text(HIDDEN.format(end))
    error = fail(make_runner)
    assert error.exit_code == Exit.INVALID
    assert error.sentences[0].startswith(f"0003_hidden.sql:4: {end.partition(' ')[0]}: the runner begins")
    assert table(other, "one") is None


@pytest.mark.parametrize(
    "statement",
    [
        "DO $$ BEGIN COMMIT; END $$",
        "DO $$ BEGIN ROLLBACK; END $$",
        "CALL ends()",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$; CALL p()",
        "PREPARE a AS SELECT 1; EXECUTE a; DO $$ BEGIN EXECUTE 'COMMIT'; END $$",
    ],
)
def test_a_block_or_procedure_that_commits_leaves_nothing_of_its_file(
    make_runner: MakeRunner, folder: Path, other: Connection, statement: str
) -> None:
    (folder / "0003_ends.sql").write_text(
        "CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\n"
        f"CREATE TABLE three (id int);\n{statement};\n"
    )
    error = fail(make_runner)
    assert error.exit_code == Exit.SQL_ERROR
    assert "Nothing of this file was applied." in str(error)
    assert (table(other, "two"), table(other, "three")) == ("two", None)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)


def test_the_server_takes_one_statement_a_message(other: Connection) -> None:
    both = Statement(b"CREATE TABLE a (); COMMIT", start=0, line=1)
    with other.transaction(), pytest.raises(psycopg.errors.SyntaxError, match="multiple commands"):
        execute(other, both)
    assert table(other, "a") is None


def test_results_of_any_type_are_taken(other: Connection) -> None:
    for text in (b"SELECT relacl, 'a'::text, 1.5 FROM pg_class", b"VALUES (1)", b"DO $$ BEGIN END $$"):
        execute(other, Statement(text, start=0, line=1))


def test_savepoints_are_a_files_own(make_runner: MakeRunner, folder: Path, other: Connection) -> None:
    (folder / "0003_savepoint.sql").write_text(
        "CREATE TABLE three (id int); SAVEPOINT a; CREATE TABLE four (id int);\n"
        "ROLLBACK TO a; RELEASE a; SAVEPOINT b; ROLLBACK WORK TO SAVEPOINT b;\n"
    )
    make_runner().up()
    assert (table(other, "three"), table(other, "four")) == ("three", None)


@pytest.mark.parametrize(
    ("end", "tag"),
    [
        ("COMMIT", "COMMIT"),
        ("COMMIT AND CHAIN", "COMMIT"),
        ("END", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("ROLLBACK AND CHAIN", "ROLLBACK"),
    ],
)
def test_whatever_ends_the_transaction_is_noticed_at_once(
    folder: Path, other: Connection, end: str, tag: str
) -> None:
    migration = load_migrations(folder)[0]
    other.execute("BEGIN")
    with pytest.raises(TransactionEndedError) as caught:
        execute_in_transaction(other, migration, Statement(end.encode(), start=0, line=7))
    other.execute("ROLLBACK")
    assert (caught.value.line, caught.value.tag) == (7, tag)


def read_unchecked(migrations: list[Migration]) -> list[Script]:
    """As if the check had missed what the files hold."""
    return [Script(migration, None) for migration in migrations]


@pytest.mark.parametrize("end", ["COMMIT", "COMMIT AND CHAIN"])
def test_a_part_that_was_committed_is_told_and_waits_for_a_person(
    make_runner: MakeRunner, folder: Path, other: Connection, end: str
) -> None:
    (folder / "0003_half.sql").write_text(
        f"CREATE TABLE three (id int);\n{end};\nCREATE TABLE four (id int);\n"
    )
    with pytest.raises(CommandError) as caught:
        make_runner(read=read_unchecked).up()
    assert caught.value.exit_code == Exit.NEEDS_RESOLVE
    assert caught.value.sentences[:2] == (
        "0003_half.sql:2: the statement ended the transaction of the file (COMMIT).",
        "What stands before it has taken effect, what stands after it has not run.",
    )
    assert (table(other, "three"), table(other, "four")) == ("three", None)
    (folder / "0003_half.sql").write_text("CREATE TABLE three (id int);\nCREATE TABLE four (id int);\n")
    again = fail(make_runner)
    assert again.exit_code == Exit.NEEDS_RESOLVE
    assert "0003_half.sql ended its transaction before its end" in again.sentences[0]


def test_a_part_that_was_rolled_back_is_not_called_applied(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    (folder / "0003_half.sql").write_text("CREATE TABLE three (id int);\nROLLBACK;\nCREATE TABLE four ();\n")
    with pytest.raises(CommandError) as caught:
        make_runner(read=read_unchecked).up()
    assert caught.value.exit_code == Exit.SQL_ERROR
    assert "Nothing of this file was applied." in str(caught.value)
    assert (table(other, "three"), table(other, "four")) == (None, None)
    assert other.execute("SELECT max(version) FROM schema_migrations").fetchone() == (2,)


def test_a_file_that_is_edited_while_it_runs_is_rolled_back(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    runner = make_runner()
    (folder / "0002_two.sql").write_text("CREATE TABLE another (id int);\n")
    with pytest.raises(CommandError, match=r"0002_two\.sql was edited in the last moments") as caught:
        runner.up()
    assert caught.value.exit_code == Exit.INVALID
    assert table(other, "another") is None
