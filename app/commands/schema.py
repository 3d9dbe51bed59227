"""The schema that a database's tables are in."""

from typing import Any

import psycopg

from app.commands.errors import CommandError, Exit


def get_schema(connection: psycopg.Connection[Any]) -> str:
    """The schema that migrations work in: the first one of search_path that exists.

    Raises:
        CommandError: CONFIGURATION, where none of them exists, or it is PostgreSQL's own.
    """
    row = connection.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
    schema, search_path = row or (None, "")
    if schema is None or schema == "information_schema" or schema.startswith("pg_"):
        fault = "names no schema that exists" if schema is None else f"begins with PostgreSQL's own {schema}"
        raise CommandError(
            Exit.CONFIGURATION,
            f"The database's search_path is '{search_path}', which {fault}.",
            "Name one, as in: ALTER DATABASE name SET search_path = public",
        )
    return str(schema)
