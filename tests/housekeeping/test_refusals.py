"""A database that answers, but not with what was asked for."""

import secrets
import signal
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection, Run
from tests.support.service import Process
from tests.support.waiting import until

WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'bin/users list' AND wait_event_type = 'Lock' AND datname = current_database()
"""


@pytest.fixture
def locked(database_url: str) -> Iterator[None]:
    """Nobody else can use the table users."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE users")
        yield


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_a_limit_of_the_role_is_exit_75(run: Run, connection: Connection, setting: str, locked: None) -> None:
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER DATABASE {} SET {} = '200ms'").format(name, sql.Identifier(setting)))
    outcome = run("users", "list")
    assert (outcome.code, outcome.stdout) == (75, "")
    assert setting.partition("_")[0] in outcome.stderr


def test_a_connection_that_is_cut_is_exit_69(database_url: str, connection: Connection, locked: None) -> None:
    process = Process("bin/users", "list", environ={"DATABASE_URL": database_url})
    try:
        waiting = until(lambda: connection.execute(WAITING).fetchone(), seconds=20, what="it waits")
        connection.execute("SELECT pg_terminate_backend(%s)", waiting)
        assert process.wait(20) == 69
    finally:
        process.kill()
    assert "The database went away: " in process.output


def test_a_role_without_rights_is_exit_78(
    run: Run, postgres: EmbeddedPostgres, connection: Connection
) -> None:
    role = f"stranger_{secrets.token_hex(4)}"
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    try:
        outcome = run("users", "list", DATABASE_URL=postgres.url(connection.info.dbname, user=role))
    finally:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    assert outcome.code == 78
    assert "DB_USER" in outcome.stderr


def test_sigterm_while_it_waits_is_exit_143(database_url: str, connection: Connection, locked: None) -> None:
    process = Process("bin/users", "list", environ={"DATABASE_URL": database_url})
    try:
        until(lambda: connection.execute(WAITING).fetchone(), seconds=20, what="it waits")
        process.signal(signal.SIGTERM)
        assert process.wait(10) == 143
    finally:
        process.kill()
    assert connection.execute(WAITING).fetchone() is None
