"""Cutting SQL into statements as the server does."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.migrations.script.statements import Statement, split_statements
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


def split(sql: str) -> list[Statement]:
    return list(split_statements([sql.encode()]))


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
ALIASED = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 case; SELECT 1 end, 2 AS end, (3) case; END"
NAMED = "CREATE FUNCTION f(t t) RETURNS int BEGIN ATOMIC SELECT (t).end; SELECT t.case FROM t; /* ; */END"
NOT_ATOMIC = "CREATE FUNCTION f(begin atomic) RETURNS begin RETURN 1"
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
    statements = split(whole)
    assert [whole.encode()[s.start :].startswith(s.text) for s in statements] == [True] * len(pieces)
    alone = [server.execute(statement.text).fetchall() for statement in statements]
    cursor = server.execute(whole.encode())
    together = [cursor.fetchall()]
    while cursor.nextset():
        together.append(cursor.fetchall())
    assert alone == together == [[(value,)] for value in values]


@settings(deadline=None, max_examples=300)
@given(sql=VALUE)
def test_any_text_is_cut_or_refused_and_nothing_of_it_is_lost(sql: str) -> None:
    text = sql.encode()
    try:
        statements = list(split_statements([text]))
    except UnterminatedError as error:
        text = text[: error.start]
        statements = list(split_statements([text]))
    position = 0
    for statement in statements:
        assert text.startswith(statement.text, statement.start)
        assert statement.line == text.count(b"\n", 0, statement.start) + 1
        assert list(split_statements([text[position : statement.start]])) == []
        position = statement.start + len(statement.text)
    assert list(split_statements([text[position:]])) == []


@settings(deadline=None, max_examples=300)
@given(sql=st.lists(st.one_of(VALUE, selects().map(lambda pair: pair[0])), max_size=4).map(";\n".join))
def test_a_text_read_in_small_pieces_is_cut_as_the_whole(sql: str) -> None:
    def outcome(pieces: list[bytes], at_once: int) -> tuple[list[Statement], tuple[int, int] | None]:
        found = []
        try:
            found += list(split_statements(pieces, at_once=at_once))
        except UnterminatedError as error:
            return [], (error.start, error.line)
        return found, None

    text = sql.encode()
    pieces = [text[position : position + 3] for position in range(0, len(text), 3)]
    assert outcome(pieces, 1) == outcome([text], 1 << 18)


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
        (f"{ALIASED}; SELECT 3; COMMIT", [ALIASED, "SELECT 3", "COMMIT"]),
        (f"{NAMED}; COMMIT; SELECT 3", [NAMED, "COMMIT", "SELECT 3"]),
        (f"{NOT_ATOMIC}; COMMIT; END", [NOT_ATOMIC, "COMMIT", "END"]),
        ("BEGIN; SELECT 1; END", ["BEGIN", "SELECT 1", "END"]),
        ("DO $a$ BEGIN; $$ ; $$ END $a$; SELECT 1", ["DO $a$ BEGIN; $$ ; $$ END $a$", "SELECT 1"]),
    ],
)
def test_semicolons_that_end_nothing_cut_nothing(sql: str, expected: list[str]) -> None:
    assert [statement.text.decode() for statement in split(sql)] == expected


@pytest.mark.parametrize(
    ("sql", "start"),
    [("SELECT 'a", 7), ("SELECT E'a\\'", 7), ('SELECT "a', 7), ("SELECT $a$ $b$", 7), ("SELECT /* /* */", 7)],
)
def test_what_does_not_end_is_found_where_it_begins(sql: str, start: int) -> None:
    with pytest.raises(UnterminatedError) as caught:
        split(sql)
    assert caught.value.start == start


def test_names_that_are_keywords_elsewhere_end_no_body(server: psycopg.Connection[Any]) -> None:
    sql = """
        CREATE TEMPORARY TABLE named (id int, "case" int, "end" int);
        CREATE FUNCTION pg_temp.g() RETURNS int LANGUAGE sql
        BEGIN ATOMIC
            SELECT 1 case;
            SELECT 1 end;
            SELECT named.case, named.end FROM named;
            SELECT DISTINCT ON (id) CASE id WHEN 1 THEN (SELECT 2 end) END end FROM named;
        END;
        DROP FUNCTION pg_temp.g; DROP TABLE named
    """
    statements = split(sql)
    assert len(statements) == 4
    for statement in statements:
        server.execute(statement.text)


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
    statements = split(sql)
    assert len(statements) == 5
    for statement in statements:
        server.execute(statement.text)
