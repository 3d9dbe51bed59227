"""Waiting for a database, and knowing when waiting cannot help."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app.commands.connect import connect
from app.commands.errors import CommandError, Exit
from app.commands.report import TextReport
from dev.postgres import EmbeddedPostgres
from tests.support.service import free_port


class Clock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def attempt(url: str, *, wait: float = 60) -> tuple[CommandError, Clock, str]:
    clock, output = Clock(), StringIO()
    with pytest.raises(CommandError) as caught:
        connect(
            url,
            wait=wait,
            report=TextReport(output),
            application_name="a test",
            sleep=clock.sleep,
            clock=clock,
        )
    return caught.value, clock, output.getvalue()


@contextmanager
def server_that_breaks_off(*, after: bytes) -> Iterator[str]:
    """Agrees to TLS, answers the client's first message with these bytes, and closes; yields its URL."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(b"S")
            self.request.recv(65536)
            self.request.sendall(after)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"postgresql://127.0.0.1:{server.server_address[1]}/x?sslmode=require"
        server.shutdown()
        thread.join()


def test_a_refused_connection_is_tried_for_a_minute() -> None:
    error, clock, output = attempt(f"postgresql://127.0.0.1:{free_port()}/x")
    assert error.exit_code == Exit.UNAVAILABLE
    assert 55 < clock.now <= 60
    assert max(clock.slept) <= 2
    assert 5 <= output.count("Waiting for the database: ") <= 7
    assert "DATABASE_URL" in str(error)


def test_an_unknown_host_is_tried_too() -> None:
    error, clock, _ = attempt("postgresql://nowhere.invalid/x", wait=5)
    assert error.exit_code == Exit.UNAVAILABLE
    assert clock.slept


def test_a_connection_that_is_cut_in_its_tls_handshake_is_tried_too() -> None:
    with server_that_breaks_off(after=b"") as url:
        error, clock, output = attempt(url)
    assert error.exit_code == Exit.UNAVAILABLE
    assert 55 < clock.now <= 60
    assert "Waiting for the database: " in output


def test_a_server_that_speaks_another_tls_is_a_setting_to_mend() -> None:
    with server_that_breaks_off(after=b"\x15\x03\x03\x00\x02\x02\x46") as url:
        error, clock, _ = attempt(url)
    assert error.exit_code == Exit.CONFIGURATION
    assert clock.slept == []
    assert "sslmode" in str(error)


def test_a_missing_database_or_role_is_a_setting_to_mend(postgres: EmbeddedPostgres) -> None:
    for url in (postgres.url("nowhere"), postgres.url(user="nobody")):
        error, clock, _ = attempt(url)
        assert error.exit_code == Exit.CONFIGURATION
        assert clock.slept == []
        assert "DATABASE_URL" in str(error)


def test_a_url_that_is_none_is_a_setting_to_mend_and_not_repeated() -> None:
    error, _, _ = attempt("postgresql://u:secret@host:port/x?foo=bar")
    assert error.exit_code == Exit.CONFIGURATION
    assert "secret" not in str(error)


def test_what_the_role_has_for_defaults_does_not_reach_a_migration(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    name = sql.Identifier(connection.info.dbname)
    for setting in ("default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"):
        connection.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(name))
    report = TextReport(StringIO())
    with connect(database_url, wait=10, report=report, application_name="a test") as migrating:
        with migrating.transaction():
            row = migrating.execute(
                "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
            ).fetchone()
        assert row == ("read committed", "off")
        assert migrating.prepare_threshold is None
        assert migrating.info.encoding == "utf-8"
