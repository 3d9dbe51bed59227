"""Waiting for a database, and knowing when waiting cannot help."""

from io import StringIO

import pytest

from app.migrations.connect import connect
from app.migrations.errors import Exit, MigrationError
from app.migrations.report import PlainReport
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


def attempt(url: str, *, wait: float = 60) -> tuple[MigrationError, Clock, str]:
    clock, output = Clock(), StringIO()
    with pytest.raises(MigrationError) as caught:
        connect(
            url,
            wait=wait,
            report=PlainReport(output),
            application_name="a test",
            sleep=clock.sleep,
            clock=clock,
        )
    return caught.value, clock, output.getvalue()


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
