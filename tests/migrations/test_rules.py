"""What a file may not hold, with a transaction or without one."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.script.files import NO_TRANSACTION, load_migrations
from app.migrations.script.rules import fault_of
from app.migrations.script.script import read_scripts
from app.migrations.script.statements import split_statements
from dev.postgres import EmbeddedPostgres
from tests.migrations.conftest import MakeRunner

OUTSIDE = [
    "VACUUM",
    "vacuum (analyze) one",
    "CREATE DATABASE d",
    "DROP DATABASE d",
    "CREATE TABLESPACE t LOCATION '/nowhere'",
    "DROP TABLESPACE t",
    "ALTER DATABASE postgres SET TABLESPACE pg_default",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "CREATE INDEX CONCURRENTLY i ON pg_class (oid)",
    "CREATE /* a */ UNIQUE -- b\n INDEX CONCURRENTLY i ON pg_class (oid)",
    "DROP INDEX CONCURRENTLY pg_class_oid_index",
    "REINDEX (VERBOSE) TABLE CONCURRENTLY pg_class",
    "REINDEX (CONCURRENTLY) TABLE pg_class",
    "REINDEX SCHEMA public",
    "REINDEX (VERBOSE) DATABASE",
    "CLUSTER",
    "DISCARD ALL",
]
CONTROL = [
    "BEGIN", "begin work", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "ROLLBACK AND CHAIN", "ABORT",
    "PREPARE TRANSACTION 'a'", "COMMIT PREPARED 'a'", "ROLLBACK PREPARED 'a'",
]  # fmt: skip
FINE = [
    "SAVEPOINT a",
    "RELEASE a",
    "ROLLBACK TO a",
    "ROLLBACK WORK TO SAVEPOINT a",
    "START_TRANSACTION",
    "CREATE INDEX i ON t (x)",
    'CREATE INDEX "concurrently" ON t (x)',
    "REINDEX TABLE system",
    "PREPARE a AS SELECT 1",
    "CLUSTER t USING i",
    "DO $$ BEGIN COMMIT; END $$",
    "(SELECT 1)",
    "COPY t TO '/tmp/x'",
]


def fault(sql: str) -> str | None:
    (statement,) = split_statements([sql.encode()])
    return fault_of(statement, in_transaction=True)


@pytest.mark.parametrize("sql", OUTSIDE)
def test_what_cannot_run_in_a_transaction_is_sent_to_a_file_of_its_own(
    sql: str, postgres: EmbeddedPostgres
) -> None:
    assert "begins with: -- migrate: no-transaction" in (fault(sql) or "")
    with (
        psycopg.connect(postgres.url()) as connection,
        pytest.raises(psycopg.errors.ActiveSqlTransaction),
        connection.transaction(),
    ):
        connection.execute(sql)


@pytest.mark.parametrize("sql", CONTROL)
def test_the_transaction_is_the_runners(sql: str) -> None:
    assert "the runner begins and ends the transaction" in (fault(sql) or "")


@pytest.mark.parametrize("sql", ["COPY t FROM STDIN", "copy t (a) to stdout"])
def test_copy_has_nothing_to_read_or_write(sql: str) -> None:
    assert "no input or output for COPY" in (fault(sql) or "")


@pytest.mark.parametrize("sql", FINE)
def test_everything_else_is_left_to_the_server(sql: str) -> None:
    assert fault(sql) is None


def test_a_refused_file_is_named_with_its_line_before_anything_runs(
    make_runner: MakeRunner, folder: Path, other: psycopg.Connection[Any]
) -> None:
    (folder / "0002_two.sql").write_text("SELECT ';';\n\n-- here\nCOMMIT;\nVACUUM;\n")
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
    assert [sentence[:22] for sentence in caught.value.sentences] == [
        "0002_two.sql:4: COMMIT",
        "0002_two.sql:5: VACUUM",
    ]
    assert other.execute("SELECT to_regclass('one')").fetchone() == (None,)


def test_what_only_the_server_knows_ends_with_the_same_advice(make_runner: MakeRunner, folder: Path) -> None:
    (folder / "0003_hidden.sql").write_text(
        "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p;\n"
    )
    with pytest.raises(CommandError, match="-- migrate: no-transaction") as caught:
        make_runner().up()
    assert caught.value.fields["sqlstate"] == "25001"


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        ("VACUUM one;\nVACUUM two", r"0003_alone\.sql:3: .* exactly one statement"),
        ("-- none", r"0003_alone\.sql:1: The file holds no statement"),
        ("\nCREATE INDEX CONCURRENTLY IF NOT EXISTS one_id ON one (id)", r":3: .*IF NOT EXISTS would take"),
        ("CREATE INDEX CONCURRENTLY ON one (id)", "the index needs a name"),
        ('CREATE INDEX CONCURRENTLY U&"a" ON one (id)', "plain quotes"),
        ("BEGIN", "the runner begins and ends the transaction"),
        ("VACUUM 'one", r"0003_alone\.sql:2: A string begins here and does not end"),
    ],
)
def test_what_could_not_be_looked_after_is_refused(folder: Path, statements: str, sentence: str) -> None:
    (folder / "0003_alone.sql").write_text(f"{NO_TRANSACTION}\n{statements};\n")
    with pytest.raises(CommandError, match=sentence) as caught:
        read_scripts(load_migrations(folder))
    assert caught.value.exit_code == Exit.INVALID
