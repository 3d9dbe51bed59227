"""Indexes that CREATE INDEX CONCURRENTLY left in the database.

A failed or interrupted build leaves an index that is not valid: no query uses it, but every write updates it.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from app.migrations.script.concurrent_index import ConcurrentIndex

FIND = """
    SELECT namespace.nspname AS schema, class.relname AS name, index.indisvalid AS is_valid
    FROM pg_class AS target
    JOIN pg_namespace AS namespace ON namespace.oid = target.relnamespace
    JOIN pg_class AS class ON class.relnamespace = target.relnamespace AND class.relname = %s::name
    JOIN pg_index AS index ON index.indexrelid = class.oid AND index.indrelid = target.oid
    WHERE target.oid = to_regclass(%s)
"""


@dataclass(frozen=True, slots=True)
class FoundIndex:
    schema: str
    name: str
    is_valid: bool


def find_index(connection: psycopg.Connection[Any], index: ConcurrentIndex) -> FoundIndex | None:
    """The index with this name on this table, if there is one."""
    with connection.cursor(row_factory=class_row(FoundIndex)) as cursor:
        return cursor.execute(FIND, (index.name, index.table)).fetchone()


def drop_index(connection: psycopg.Connection[Any], found: FoundIndex) -> None:
    """Drops it without locking its table."""
    name = sql.Identifier(found.schema, found.name)
    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
