"""What the database says: kept from the log where it quotes people's data, told from an outage."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row

from app.database.pool import Database
from app.errors import DatabaseUnavailableError
from app.telemetry.metrics import Metrics
from dev.postgres import EmbeddedPostgres


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(url=database_url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    yield database
    database.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (b"INSERT INTO users (email) VALUES (%(value)s), (%(value)s)", "duplicate key"),
        (b"SELECT %(value)s::text::uuid", "a value was refused (SQLSTATE 22P02)"),
    ],
)
def test_an_unexpected_error_quotes_no_value(database: Database, statement: bytes, words: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        database.run_once(statement, {"value": "ada@example.com"}, tuple_row)
    assert words in str(caught.value)
    assert "ada@example.com" not in str(caught.value)
    assert caught.value.sqlstate


@pytest.fixture
def make_database(database_url: str) -> Iterator[Callable[[str], Database]]:
    """Connections with these options of the server's."""
    with ExitStack() as stack:

        def make(options: str) -> Database:
            url = make_conninfo(database_url, options=options)
            database = Database(url=url, metrics=Metrics(CollectorRegistry()), pool_max=2)
            database.open()
            stack.callback(database.close)
            return database

        yield make


def test_a_server_that_may_only_read_is_unavailable_for_writing_alone(
    make_database: Callable[[str], Database],
) -> None:
    database = make_database("-c default_transaction_read_only=on")
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError, match="read-only"):
            database.run_once(b"DELETE FROM users", {}, tuple_row)
        assert database.run_repeatable(b"SELECT 1", {}, tuple_row) == [(1,)]


def test_a_row_that_somebody_holds_makes_nobody_else_wait(
    make_database: Callable[[str], Database], connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    connection.execute("INSERT INTO users (email) VALUES ('ada@example.com')")
    database = make_database("-c lock_timeout=100ms")
    with connection.transaction():
        connection.execute("SELECT FROM users FOR UPDATE")
        with pytest.raises(DatabaseUnavailableError, match="lock timeout"):
            database.run_once(b"UPDATE users SET name = 'Ada'", {}, tuple_row)
        # The circuit is closed: the server answers everybody else.
        assert database.run_repeatable(b"SELECT 1", {}, tuple_row) == [(1,)]
    database.run_once(b"UPDATE users SET name = 'Ada'", {}, tuple_row)


def test_a_database_that_is_not_utf_8_is_unavailable_and_says_why(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C' LOCALE_PROVIDER libc"
        )
        database = Database(url=postgres.url("latin"), metrics=Metrics(CollectorRegistry()), pool_max=1)
        database.open()
        try:
            with pytest.raises(DatabaseUnavailableError, match="encoding is LATIN1, not UTF8"):
                database.run_repeatable(b"SELECT 1", {}, tuple_row)
        finally:
            database.close()
            admin.execute("DROP DATABASE latin WITH (FORCE)")


def test_a_transaction_that_lost_to_another_closes_nobody_else_out(
    make_database: Callable[[str], Database], connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    connection.execute(
        "CREATE FUNCTION lose() RETURNS void LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''lost'' USING ERRCODE = ''serialization_failure''; END'"
    )
    database = make_database("")
    with pytest.raises(DatabaseUnavailableError, match="lost"):
        database.run_once(b"SELECT lose()", {}, tuple_row)
    assert database.run_repeatable(b"SELECT 1", {}, tuple_row) == [(1,)]
