"""Files that run without a transaction, of which PostgreSQL can leave half."""

from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.script.files import NO_TRANSACTION
from tests.migrations.conftest import BOTH_IN_FULL, MakeRunner

Connection = psycopg.Connection[Any]
pytestmark = pytest.mark.parametrize("server", BOTH_IN_FULL, indirect=True)
BUILD = "CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id)"


@pytest.fixture(autouse=True)
def _table(make_runner: MakeRunner) -> None:
    make_runner().up()


def write(folder: Path, statement: str) -> None:
    (folder / "0003_alone.sql").write_text(f"{NO_TRANSACTION}\n{statement};\n")


def row(other: Connection) -> Any:
    return other.execute("SELECT status FROM schema_migrations WHERE version = 3").fetchone()


def is_valid(other: Connection, index: str = "one_id") -> Any:
    found = other.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (index,)
    ).fetchone()
    return found[0] if found else None


def leave_invalid_index(other: Connection, status: str = "started") -> None:
    """What a build that was interrupted leaves."""
    other.execute("INSERT INTO one VALUES (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        other.execute(BUILD)
    other.execute("DELETE FROM one WHERE ctid = (SELECT max(ctid) FROM one)")
    leave_row(other, status)


def leave_row(other: Connection, status: str = "started") -> None:
    other.execute(
        "INSERT INTO schema_migrations (version, name, status, checksum, raw_checksum, applied_by) "
        "VALUES (3, '0003_alone', %s, 'x', 'x', 'a test')",
        (status,),
    )


def fail(make_runner: MakeRunner) -> CommandError:
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    return caught.value


def test_an_index_is_built_concurrently_and_recorded(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    write(folder, BUILD)
    runner = make_runner()
    runner.up()
    assert (row(other), is_valid(other)) == (("applied",), True)
    assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
    make_runner(wait=0.0).up()


def test_ordinary_files_before_and_after_it_keep_their_order(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    write(folder, BUILD)
    (folder / "0004_after.sql").write_text("ALTER TABLE one ADD PRIMARY KEY USING INDEX one_id;\n")
    (folder / "0005_again.sql").write_text(f"{NO_TRANSACTION}\nVACUUM one;\n")
    output = StringIO()
    make_runner(output).up()
    assert output.getvalue().endswith(
        "✅ Applied 3 migration(s):\n   - 0003_alone\n   - 0004_after\n   - 0005_again\n"
        "✅ Migration check completed successfully\n"
    )


@pytest.mark.parametrize("status", ["started", "retry"])
def test_the_invalid_index_of_an_interrupted_build_is_dropped_and_built_again(
    make_runner: MakeRunner, folder: Path, other: Connection, status: str
) -> None:
    leave_invalid_index(other, status)
    assert is_valid(other) is False
    write(folder, BUILD)
    output = StringIO()
    make_runner(output).up()
    assert (row(other), is_valid(other)) == (("applied",), True)
    assert "an earlier attempt left index one_id not valid; building it again." in output.getvalue()


def test_the_valid_index_of_an_interrupted_build_is_adopted(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute(BUILD)
    leave_row(other)
    write(folder, BUILD)
    output = StringIO()
    make_runner(output).up()
    assert row(other) == ("applied",)
    assert "0003_alone was interrupted; its index one_id is there and valid." in output.getvalue()


def test_a_valid_index_of_that_name_on_another_table_is_not_adopted(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute("CREATE INDEX one_id ON two (id)")
    leave_row(other)
    write(folder, BUILD)
    error = fail(make_runner)
    assert (error.exit_code, error.fields["sqlstate"]) == (Exit.SQL_ERROR, "42P07")


def test_an_index_that_was_there_before_is_never_taken_for_ours(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute("CREATE INDEX one_id ON one (id)")
    write(folder, BUILD)
    for _ in range(2):
        error = fail(make_runner)
        assert (error.exit_code, error.fields["sqlstate"]) == (Exit.SQL_ERROR, "42P07")
        assert "An index of that name was there before this file" in str(error)
    other.execute("DROP INDEX one_id")
    make_runner().up()
    assert is_valid(other) is True


def test_a_valid_index_is_not_adopted_after_a_build_that_failed(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute("CREATE INDEX one_id ON one (id)")
    leave_row(other, "retry")
    write(folder, BUILD)
    assert fail(make_runner).fields["sqlstate"] == "42P07"


def test_a_build_that_fails_is_told_each_time_and_succeeds_once_the_data_is_mended(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute("INSERT INTO one VALUES (1)")
    write(folder, BUILD)
    for _ in range(2):
        error = fail(make_runner)
        assert error.exit_code == Exit.SQL_ERROR
        assert error.sentences[0].startswith("0003_alone.sql:2: could not create unique index")
        assert (row(other), is_valid(other)) == (("retry",), False)
    other.execute("DELETE FROM one WHERE ctid = (SELECT max(ctid) FROM one)")
    make_runner().up()
    assert (row(other), is_valid(other)) == (("applied",), True)


@pytest.mark.parametrize(
    ("schema", "table", "index", "written"),
    [
        ('"Üb;er"', '"T""x"', '"My;Idx"', '"Üb;er"."T""x"'),
        ("apart", "t", "T_ID", "ONLY apart . /* here */ T"),
        ("public", "t", "i" * 70, "t"),
        ("public", "größe", "größe_ID", "GRößE"),
    ],
)
def test_names_are_found_as_postgresql_stores_them(
    make_runner: MakeRunner,
    folder: Path,
    other: Connection,
    schema: str,
    table: str,
    index: str,
    written: str,
) -> None:
    other.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.{table} (id int)")
    write(folder, f"CREATE INDEX CONCURRENTLY {index} /* on */ ON {written} (id)")
    make_runner().up()
    other.execute("UPDATE schema_migrations SET status = 'started', applied_at = NULL WHERE version = 3")
    other.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indrelid = %s::regclass", (f"{schema}.{table}",)
    )
    output = StringIO()
    make_runner(output).up()
    assert "building it again" in output.getvalue()
    indexes = other.execute(
        "SELECT array_agg(indisvalid) FROM pg_index WHERE indrelid = %s::regclass", (f"{schema}.{table}",)
    )
    assert indexes.fetchone() == ([True],)


def test_anything_else_that_was_interrupted_waits_for_a_person(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    leave_row(other)
    write(folder, "VACUUM one")
    error = fail(make_runner)
    assert error.exit_code == Exit.NEEDS_RESOLVE
    assert "bin/migrate resolve 0003_alone --retry" in str(error)
    other.execute("UPDATE schema_migrations SET status = 'retry' WHERE version = 3")
    make_runner().up()
    assert row(other) == ("applied",)


def test_a_statement_that_fails_at_once_runs_again_next_time(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    write(folder, "VACUUM three")
    assert fail(make_runner).exit_code == Exit.SQL_ERROR
    other.execute("CREATE TABLE three ()")
    make_runner().up()
    assert row(other) == ("applied",)


def test_a_procedure_that_fails_may_have_committed_and_waits_for_a_person(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute(
        "CREATE PROCEDURE fill() LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO two VALUES (1); COMMIT; PERFORM 1/0; END $$"
    )
    write(folder, "CALL fill()")
    first = fail(make_runner)
    assert first.exit_code == Exit.SQL_ERROR
    assert "bin/migrate resolve 0003_alone --retry" in str(first)
    assert fail(make_runner).exit_code == Exit.NEEDS_RESOLVE
    assert other.execute("SELECT count(*) FROM two").fetchone() == (1,)


def test_a_locked_table_is_tried_again(make_runner: MakeRunner, folder: Path, other: Connection) -> None:
    write(folder, "VACUUM one")
    with other.transaction():
        other.execute("LOCK TABLE one")
        with pytest.raises(CommandError) as caught:
            make_runner(wait=0.0).up()
    assert caught.value.exit_code == Exit.TRY_AGAIN
    make_runner().up()
    assert row(other) == ("applied",)


def test_a_build_is_not_cut_short_by_timeouts_of_the_role(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    other.execute(
        "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE sql AS "
        "$$ SELECT pg_sleep(0.5); SELECT $1 $$"
    )
    write(folder, "CREATE INDEX CONCURRENTLY one_slow ON one (slow(id))")
    runner = make_runner()
    runner.connection.execute("SET statement_timeout = '200ms'")
    runner.up()
    assert is_valid(other, "one_slow") is True
