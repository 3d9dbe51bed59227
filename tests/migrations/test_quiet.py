"""What a start costs the database when there is nothing to do."""

import re

import psycopg
from psycopg import sql

from tests.migrations.conftest import Run


def statements_since(url: str, start: int) -> list[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET log_statement = 'none'")
        row = connection.execute("SELECT pg_read_file('server.log', %s, 10000000)", (start,)).fetchone()
    assert row
    return re.findall(r"LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", row[0])


def test_nothing_pending_is_one_query_and_no_lock(run: Run, url: str) -> None:
    assert run().wait() == 0
    with psycopg.connect(url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(database))
        row = connection.execute("SELECT size FROM pg_stat_file('server.log')").fetchone()
    assert row
    assert run().wait() == 0
    seen = [text for text in statements_since(url, row[0]) if "log_statement" not in text]
    assert len(seen) == 1, seen
    assert seen[0].split()[0] == "SELECT"
    assert "FROM schema_migrations" in seen[0]
    assert "lock" not in seen[0]
