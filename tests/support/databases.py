"""Databases that live for one test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from dev.postgres import EmbeddedPostgres


@contextmanager
def fresh_database(postgres: EmbeddedPostgres, *, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, dropped at the end with whoever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield postgres.url(name)
    finally:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
