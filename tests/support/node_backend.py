"""The database of the Node backend that its deployment guide is about, as its migrations make it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database

TABLES = """
    CREATE TABLE users (
        user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email varchar NOT NULL UNIQUE,
        name varchar,
        display_picture varchar,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE session (
        session_id varchar PRIMARY KEY,
        user_id uuid,
        email varchar NOT NULL,
        expires_at timestamptz NOT NULL
    );
"""
NOTED = "ALTER TABLE users ADD COLUMN google_subject text"
"""What docs/moving-from-node.md adds, so that sign-ins note the subject."""


class NodeBackend:
    """Its people, to be imported.

    Attributes:
        url: libpq's.
        connection: to look into it.
    """

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.url = url
        self.connection = connection
        connection.execute(TABLES)
        connection.execute(NOTED)

    def crowd(self, count: int) -> None:
        """So many people, the newest last."""
        self.connection.execute(
            """
            INSERT INTO users (email, name, google_subject, created_at)
            SELECT 'Person' || n || '@example.com', 'Person ' || n, (10 ^ 20)::numeric(21) + n || '',
                   timestamptz '2025-01-01 00:00Z' + n * interval '1 s'
            FROM generate_series(1, %s) AS n
            """,
            (count,),
        )


@contextmanager
def node_backend(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    with fresh_database(postgres) as url, psycopg.connect(url, autocommit=True) as connection:
        yield NodeBackend(url, connection)
