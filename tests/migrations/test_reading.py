"""A file cannot change how the server reads it: the characters and strings that arrive are those written."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.script.constants import value_of
from app.migrations.script.reading import changes_reading
from app.migrations.script.statements import split_statements
from tests.migrations.conftest import BOTH_IN_FULL, MakeRunner

Connection = psycopg.Connection[Any]
server = pytest.mark.parametrize("server", BOTH_IN_FULL, indirect=True)

CHANGES = [
    "SET client_encoding TO 'LATIN1'",
    "set Client_Encoding = latin1",
    "SET LOCAL client_encoding TO DEFAULT",
    "SET SESSION client_encoding FROM CURRENT",
    "SET NAMES 'LATIN1'",
    "SET LOCAL NAMES 'LATIN1'",
    "SET /* a */ \"client_encoding\" -- b\n TO 'LATIN1'",
    "SET \"Client_Encoding\" TO 'LATIN1'",
    r"""SET U&"client\005fencoding" TO 'LATIN1'""",
    r"""SET U&"client\+00005fencoding" TO 'LATIN1'""",
    """SET U&"client!005fencoding" UESCAPE '!' TO 'LATIN1'""",
    "SET standard_conforming_strings = off",
    "RESET client_encoding",
    "RESET standard_conforming_strings",
    "SELECT set_config('client_encoding', 'LATIN1', false)",
    "SELECT pg_catalog.Set_Config('Client_Encoding', 'LATIN1', true)",
    "SELECT \"set_config\"(E'client\\x5fencoding', 'LATIN1', true)",
    r"""SELECT U&"set\005fconfig"(U&'client\005fencoding', 'LATIN1', true)""",
    "SELECT set_config('client_'\n'encoding', 'LATIN1', true)",
    "SELECT set_config($$client_encoding$$, 'LATIN1', true)",
    "INSERT INTO one SELECT length(set_config(n, 'latin1', true)) FROM (VALUES ('client_encoding')) v(n)",
    "UPDATE pg_settings SET setting = 'LATIN1' WHERE name = 'client_encoding'",
    "UPDATE pg_catalog.pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    "DO $$ BEGIN SET client_encoding TO 'LATIN1'; END $$",
    "DO 'BEGIN IF true THEN SET LOCAL client_encoding TO ''LATIN1''; END IF; END'",
    "DO $$ BEGIN PERFORM set_config('client_encoding', 'LATIN1', false); END $$",
    "DO $$ BEGIN EXECUTE 'SET NAMES ''LATIN1'''; END $$",
    "DO $a$ BEGIN EXECUTE $b$DO $c$ BEGIN SET NAMES 'LATIN1'; END $c$$b$; END $a$",
]  # fmt: skip
HIDDEN = [
    "SELECT set_config('client_' || 'encoding', 'LATIN1', false)",
    "DO $$ BEGIN EXECUTE format('SET %I = off', 'standard_conforming' || '_strings'); END $$",
    "CREATE FUNCTION f() RETURNS void AS 'BEGIN SET NAMES ''LATIN1''; END' LANGUAGE plpgsql;\nSELECT f()",
]
FINE = [
    "SELECT current_setting('client_encoding')",
    "SELECT setting FROM pg_settings WHERE name = 'client_encoding'",
    "SELECT set_config('search_path', 'public', true)",
    "INSERT INTO notes VALUES ('SET client_encoding TO ''LATIN1''', 'client_encoding')",
    "COMMENT ON TABLE notes IS 'set_config'",
    "DO $$ BEGIN RAISE NOTICE 'it''s client_encoding'; END $$",
    "UPDATE notes SET client_encoding = 'x'",
    "SET search_path TO public",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET LOCAL TIME ZONE 'UTC'",
    "SET custom.names = 'x'",
    "ALTER ROLE CURRENT_USER SET client_encoding = 'UTF8'",
    "CREATE FUNCTION g() RETURNS int LANGUAGE sql SET client_encoding = 'UTF8' AS 'SELECT 1'",
]


def changes(sql: str) -> list[bool]:
    return [changes_reading(statement) for statement in split_statements([sql.encode()])]


@pytest.mark.parametrize("sql", CHANGES)
def test_a_statement_that_would_change_it_is_seen_before(sql: str) -> None:
    assert changes(sql) == [True]


@pytest.mark.parametrize("sql", FINE)
def test_what_changes_nothing_is_let_through(sql: str) -> None:
    assert changes(sql) == [False]


@pytest.mark.parametrize("sql", [sql for sql in CHANGES if not sql.startswith("INSERT")])
def test_the_server_agrees_that_these_are_statements(sql: str, connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(sql.encode())


@pytest.mark.parametrize("directive", ["", "-- migrate: no-transaction"])
def test_such_a_file_is_refused_before_anything_runs(
    make_runner: MakeRunner, folder: Path, other: Connection, directive: str
) -> None:
    (folder / "0002_two.sql").write_text(f"{directive}\n\nSET client_encoding TO 'LATIN1';\n")
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
    assert caught.value.sentences[0].startswith("0002_two.sql:3: SET: it would change how the server reads")
    assert other.execute("SELECT to_regclass('one')").fetchone() == (None,)


@server
@pytest.mark.parametrize("sql", HIDDEN)
def test_what_shows_only_as_it_runs_is_rolled_back(
    make_runner: MakeRunner, folder: Path, other: Connection, sql: str
) -> None:
    assert not any(changes(sql))
    (folder / "0003_hidden.sql").write_text(
        f"CREATE TABLE three (t text);\n{sql};\nINSERT INTO three VALUES ('é');\n"
    )
    with pytest.raises(CommandError) as caught:
        make_runner().up()
    assert caught.value.exit_code == Exit.INVALID
    assert caught.value.fields["line"] == 2 + sql.count("\n")
    assert "Nothing of this file was applied." in str(caught.value)
    assert other.execute("SELECT to_regclass('two')::text, to_regclass('three')").fetchone() == ("two", None)


@server
def test_what_a_database_sets_for_others_changes_nothing_here(
    make_runner: MakeRunner, folder: Path, other: Connection
) -> None:
    name = other.info.dbname
    (folder / "0003_others.sql").write_text(
        f"ALTER DATABASE \"{name}\" SET client_encoding = 'LATIN1';\n"
        f'ALTER DATABASE "{name}" SET standard_conforming_strings = off;\nRESET ALL;\n'
    )
    make_runner().up()
    (folder / "0004_text.sql").write_text("CREATE TABLE four AS SELECT 'é\\'::text AS t;\n")
    make_runner().up()
    other.execute("SET client_encoding = 'UTF8'")
    assert other.execute("SELECT t FROM four").fetchone() == ("é\\",)


@pytest.mark.parametrize(
    "written",
    [
        "'it''s'", r"'back\slash'", r"E'\x41\101\u00e9\U0001F600\n\'\\'", "e'it''s'", r"U&'\0041\+01F600\\'",
        "$$a'b$$", "$tag$a$$b$tag$", "N'n'", '"na""me"', r'U&"na\006De"',
    ],
)  # fmt: skip
def test_constants_and_names_mean_what_the_server_says(written: str, connection: Connection) -> None:
    if '"' in written:
        column = connection.execute(f"SELECT 1 AS {written}".encode()).description
        assert column
        assert column[0].name == value_of(written)
    else:
        assert connection.execute(f"SELECT {written}::text".encode()).fetchone() == (value_of(written),)
