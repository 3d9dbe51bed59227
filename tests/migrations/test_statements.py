"""Cutting SQL into statements as the server does."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.migrations.script.statements import split_statements
from app.migrations.script.tokens import UnterminatedError
from dev.postgres import EmbeddedPostgres

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
# Much of what lexers stumble over, and anything else.
VALUE = st.lists(
    st.one_of(
        st.sampled_from([";", "'", '"', "\\", "$", "$$", "$a$", "--", "/*", "*/", "\n", "E'"]), CHARACTERS
    ),
    max_size=8,
).map("".join)
TAG = st.sampled_from(["$$", "$a$", "$_1$", "$größe$", "$ñ$", "$BEGIN$"])
GAP = st.lists(
    st.one_of(
        st.sampled_from([" ", "\n", "\t", "/**/", "/* ; ' /* nested ; */ \" $$ */", "/*/**/*/", "--\n"]),
        CHARACTERS.map(lambda letter: "-- ; ' $$ /* " + re.sub("[\r\n]", "", letter) + "\n"),
    ),
    min_size=1,
    max_size=3,
).map(" ".join)


def doubled(value: str, quote: str = "'") -> str:
    return value.replace(quote, quote * 2)


@st.composite
def constants(draw: st.DrawFn) -> tuple[str, str]:
    """How a text is written, and the text."""
    value, rest, tag = draw(VALUE), draw(VALUE), draw(TAG)
    doubled_all = doubled(doubled(value), "\\")
    backslashed = re.sub(r"(['\\])", r"\\\1", rest)
    styles = [
        (f"'{doubled(value)}'", value),
        (f"N'{doubled(value)}'", value),
        (f"E'{doubled_all}'", value),
        (f"e'{backslashed}'", rest),
        (f"U&'{doubled_all}'", value),
        (f"'{doubled(value)}' -- ; '\n '{doubled(rest)}'", value + rest),
        (f"E'{doubled_all}'\n'{backslashed}'", value + rest),
    ]
    # A value that ends in the beginning of the tag would end it too soon.
    if tag not in value + tag[:-1]:
        styles.append((f"{tag}{value}{tag}", value))
    return draw(st.sampled_from(styles))


NAME = st.one_of(
    st.sampled_from(["a", "_a$1", "größe", "ñ$$", "end_", "名前"]),
    VALUE.filter(lambda value: 0 < len(value.encode()) < 60).map(
        lambda value: '"' + doubled(value, '"') + '"'
    ),
)


@st.composite
def selects(draw: st.DrawFn) -> tuple[str, str]:
    """A statement with gaps before, inside and after it, and what it selects."""
    constant, value = draw(constants())
    # After a constant, a gap with a line's end and a quote would go on with it.
    return f"{draw(GAP)}SELECT{draw(GAP)}({constant}){draw(GAP)}AS{draw(GAP)}{draw(NAME)}{draw(GAP)}", value


FUNCTION = "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END AS end; SELECT 1; END"
PROCEDURE = "create or /* ; */ replace procedure begin() begin atomic select (case 1 when 1 then 2 end); end"


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.url(), autocommit=True, client_encoding="UTF8") as connection:
        yield connection


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=st.lists(selects(), min_size=1, max_size=4), ending=st.sampled_from(["", ";", ";;\n;"]))
def test_each_statement_alone_is_what_the_server_sees_in_the_whole(
    server: psycopg.Connection[Any], pieces: list[tuple[str, str]], ending: str
) -> None:
    whole = ";".join(text for text, _ in pieces) + ending
    values = [value for _, value in pieces]
    statements = split_statements(whole)
    assert [whole[s.start :].startswith(s.text) for s in statements] == [True] * len(pieces)
    alone = [server.execute(statement.text.encode()).fetchall() for statement in statements]
    cursor = server.execute(whole.encode())
    together = [cursor.fetchall()]
    while cursor.nextset():
        together.append(cursor.fetchall())
    assert alone == together == [[(value,)] for value in values]


@settings(deadline=None, max_examples=300)
@given(sql=VALUE)
def test_any_text_is_cut_or_refused_and_nothing_of_it_is_lost(sql: str) -> None:
    try:
        statements = split_statements(sql)
    except UnterminatedError as error:
        sql = sql[: error.start]
        statements = split_statements(sql)
    position = 0
    for statement in statements:
        assert sql.startswith(statement.text, statement.start)
        assert split_statements(sql[position : statement.start]) == []
        position = statement.start + len(statement.text)
    assert split_statements(sql[position:]) == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" ; ;-- a\n;/* ; */", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1 /* a */ ; SELECT 2 -- b", ["SELECT 1", "SELECT 2"]),
        (r"SELECT '\'; SELECT '2'", [r"SELECT '\'", "SELECT '2'"]),
        (r"SELECT E'\';'; SELECT 2", [r"SELECT E'\';'", "SELECT 2"]),
        ("SELECT E'a' -- b\n '\\';'; SELECT 2", ["SELECT E'a' -- b\n '\\';'", "SELECT 2"]),
        ("SELECT fooE';'; SELECT 2", ["SELECT fooE';'", "SELECT 2"]),
        ("SELECT a$b$; SELECT c$b$", ["SELECT a$b$", "SELECT c$b$"]),
        ("SELECT $1; SELECT $2", ["SELECT $1", "SELECT $2"]),
        ("SELECT 1 +--;\n2; SELECT 3", ["SELECT 1 +--;\n2", "SELECT 3"]),
        ('SELECT U&"a;\\"; SELECT 2', ['SELECT U&"a;\\"', "SELECT 2"]),
        (
            "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3",
            ["CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "SELECT 3"],
        ),
        (f"{FUNCTION}; SELECT 3", [FUNCTION, "SELECT 3"]),
        (f"{PROCEDURE}; SELECT 3", [PROCEDURE, "SELECT 3"]),
        ("BEGIN; SELECT 1; END", ["BEGIN", "SELECT 1", "END"]),
        ("DO $a$ BEGIN; $$ ; $$ END $a$; SELECT 1", ["DO $a$ BEGIN; $$ ; $$ END $a$", "SELECT 1"]),
    ],
)
def test_semicolons_that_end_nothing_cut_nothing(sql: str, expected: list[str]) -> None:
    assert [statement.text for statement in split_statements(sql)] == expected


@pytest.mark.parametrize(
    ("sql", "start"),
    [("SELECT 'a", 7), ("SELECT E'a\\'", 7), ('SELECT "a', 7), ("SELECT $a$ $b$", 7), ("SELECT /* /* */", 7)],
)
def test_what_does_not_end_is_found_where_it_begins(sql: str, start: int) -> None:
    with pytest.raises(UnterminatedError) as caught:
        split_statements(sql)
    assert caught.value.start == start


def test_functions_and_rules_of_real_sql_arrive_whole(server: psycopg.Connection[Any]) -> None:
    sql = """
        CREATE TEMPORARY TABLE t (id int, note text);
        CREATE FUNCTION pg_temp.f(x int) RETURNS int LANGUAGE sql
        BEGIN ATOMIC
            SELECT CASE WHEN x > 0 THEN CASE x WHEN 1 THEN 2 END ELSE 0 END AS "end";
            SELECT x AS case;
        END;
        CREATE RULE r AS ON UPDATE TO t DO ALSO (INSERT INTO t VALUES (1, ';'); DELETE FROM t WHERE id = 2);
        DO $body$ BEGIN PERFORM 1; PERFORM $$;$$; END $body$;
        DROP TABLE t
    """
    statements = split_statements(sql)
    assert len(statements) == 5
    for statement in statements:
        server.execute(statement.text.encode())
