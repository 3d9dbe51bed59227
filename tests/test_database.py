"""What the database says is kept from the log where it quotes people's data."""

from collections.abc import Iterator

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg.rows import tuple_row

from app.database import Database
from app.metrics import Metrics


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, Metrics(CollectorRegistry()), pool_max=1)
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
        database.write(statement, {"value": "ada@example.com"}, tuple_row)
    assert words in str(caught.value)
    assert "ada@example.com" not in str(caught.value)
    assert caught.value.sqlstate
