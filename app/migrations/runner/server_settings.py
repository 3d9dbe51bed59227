"""Settings that the server has while a file runs."""

from typing import Any

import psycopg

from app.migrations.script.reading import READING

LOCK_TIMEOUT = "2s"
"""How long a statement may queue for a table. Everybody who wants the table then queues behind it."""

_ALWAYS = {
    **READING,  # tokens.py relies on it; behind a pooler, what the connection asked for may be gone
    # A file means the same in every database.
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    # The server soon notices that the runner, or its machine, is gone.
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
ORDINARY = {**_ALWAYS, "lock_timeout": LOCK_TIMEOUT}
CONCURRENT = {**_ALWAYS, "lock_timeout": "0", "statement_timeout": "0"}
"""A timeout in the middle of CREATE INDEX CONCURRENTLY would leave an index that is not valid."""


def set_for_transaction(connection: psycopg.Connection[Any], settings: dict[str, str]) -> None:
    """Applies settings until the transaction ends."""
    _set(connection, settings, is_local=True)


def set_for_session(connection: psycopg.Connection[Any], settings: dict[str, str]) -> None:
    """Applies settings until `reset`."""
    _set(connection, settings, is_local=False)


def reset(connection: psycopg.Connection[Any]) -> None:
    """Undoes what a file set: a role or search_path would reach the next file, or a pooler's next client."""
    connection.execute("RESET SESSION AUTHORIZATION")
    connection.execute("RESET ALL")
    # Behind a pooler that brings back the database's own, and psycopg would read the ledger by it.
    connection.execute("SET client_encoding TO 'UTF8'")


def _set(connection: psycopg.Connection[Any], settings: dict[str, str], *, is_local: bool) -> None:
    calls = ", ".join("set_config(%s, %s, %s)" for _ in settings)
    values = [value for pair in settings.items() for value in (*pair, is_local)]
    connection.execute(f"SELECT {calls}", values)
