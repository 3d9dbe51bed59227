"""`bin/start` as launcher: what it does before it serves."""

import signal
from collections.abc import Callable
from typing import Any

import psycopg
import requests

from app.migrations.runner.lock import lock_key
from tests.support.service import Service
from tests.support.waiting import until

WITHIN = 6.0
"""Seconds; two are promised: threefold slack."""
EDITED = "UPDATE schema_migrations SET checksum = 'another', raw_checksum = 'another' WHERE version = 1"
FUTURE = """
    INSERT INTO schema_migrations (version, name, status, checksum, raw_checksum, applied_by, applied_at)
    VALUES (9999, '9999_future', 'applied', 'x', 'x', 'the future', now())
"""
Start = Callable[..., Service]


def test_an_edited_file_is_a_warning_and_no_reason_not_to_start(
    make_service: Start, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(EDITED)
    for setting in ("true", "false"):
        service = make_service(MIGRATE_ON_START=setting)
        service.wait_until_serving()
        warnings = [record["message"] for record in service.records() if record["level"] == "warning"]
        assert any(text.startswith("0001_create_user_and_session_tables.sql was edited") for text in warnings)
        service.kill()


def test_a_database_ahead_of_the_image_starts_and_is_ready(
    make_service: Start, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(FUTURE)
    service = make_service()
    service.wait_until_serving()
    assert any("ahead of this version by 9999_future" in message for message in service.messages())
    ready = requests.get(f"{service.url}/health/ready", timeout=5)
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


def test_a_database_ahead_that_lacks_a_file_of_the_image_is_exit_3(
    make_service: Start, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("DELETE FROM schema_migrations WHERE version = 1")
    connection.execute(FUTURE)
    for setting in ("true", "false"):
        service = make_service(MIGRATE_ON_START=setting)
        assert service.wait() == 3
        assert "0001_create_user_and_session_tables.sql is older" in service.output
        assert "up to date" not in service.output


def test_sigterm_while_waiting_for_the_lock_ends_it_with_nothing_done(
    make_service: Start, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as holder, holder.transaction():
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        service = make_service(database_url=empty_database_url)
        until(lambda: "Waiting for another runner" in service.output, seconds=20, what="it waits")
        service.signal(signal.SIGTERM)
        assert service.wait(WITHIN) == 143
        assert holder.execute("SELECT to_regclass('users')").fetchone() == (None,)


def test_sigterm_inside_a_migration_ends_it_with_nothing_done(
    make_service: Start, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        with psycopg.connect(empty_database_url) as holder:
            # Not committed yet: the migration's own CREATE TABLE waits for what becomes of it.
            holder.execute("CREATE TABLE users ()")
            service = make_service(database_url=empty_database_url)

            def waits() -> bool:
                found = other.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() "
                    "AND wait_event_type = 'Lock' AND query LIKE 'CREATE TABLE users%'"
                )
                return bool(found.fetchall())

            until(waits, seconds=20, what="the migration waits")
            service.signal(signal.SIGTERM)
            assert service.wait(WITHIN) == 143
            holder.rollback()
        assert other.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,)
