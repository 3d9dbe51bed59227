"""Whatever a database or a role has for defaults, people sign in, and every command works."""

from collections.abc import Callable
from typing import Any, Literal

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg import sql
from psycopg.rows import tuple_row

from app.database.pool import Database
from app.telemetry.metrics import Metrics
from tests.conftest import WEBAPP
from tests.housekeeping.conftest import run_command
from tests.support.pgbouncer import PgBouncer
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Kind = Literal["DATABASE", "ROLE"]

HOSTILE = {
    "DateStyle": "German",
    "DateStyle ": "Postgres, DMY",
    "DateStyle  ": "SQL, YMD",
    "IntervalStyle": "sql_standard",
    "IntervalStyle ": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "TimeZone ": "<+0545>-05:45",
    "client_encoding": "LATIN1",
    "client_encoding ": "SQL_ASCII",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "quote_all_identifiers": "on",
    "xmlbinary": "hex",
    "client_min_messages": "debug5",
    "row_security": "off",
    "lc_numeric": "C",
    "statement_timeout": "900s",
}
"""Setting → a value that changes what a statement means, or how its result is written."""
NAME = "Åsa 李"
KINDS = [pytest.param(name.strip(), value, id=f"{name.strip()}-{value}") for name, value in HOSTILE.items()]
PINNED = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
}


def set_default(connection: psycopg.Connection[Any], kind: Kind, name: str, value: str) -> None:
    """ALTER DATABASE or ROLE … SET, for connections from now on."""
    target = connection.info.dbname if kind == "DATABASE" else connection.info.user
    where: sql.Composable = sql.SQL("")
    if kind == "ROLE":
        # Of this database alone, as the role belongs to all tests.
        where = sql.SQL("IN DATABASE {}").format(sql.Identifier(connection.info.dbname))
    values = sql.SQL(", ").join(sql.Literal(part.strip()) for part in value.split(","))
    connection.execute(
        sql.SQL("ALTER {} {} {} SET {} TO {}").format(
            sql.SQL(kind),
            sql.Identifier(target),
            where,
            sql.Identifier(name),
            values,
        )
    )


def use_everything(app: Any, provider: OpenIDProvider, **environ: str) -> None:
    """Signs in, registers, reads each list, and calls each command."""
    provider.person |= {"name": NAME}
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register()
    session = visitor.get("/auth/session").json
    assert session["user"]["name"] == NAME
    assert session["expires_at"].endswith("Z")
    [listed] = visitor.get("/auth/sessions").json["sessions"]
    assert listed["expires_at"] == session["expires_at"]
    token = visitor.post("/auth/tokens", json={"name": "ci", "expires_in_days": 7})
    assert token.status_code == 201
    [kept] = visitor.get("/auth/tokens").json["tokens"]
    assert kept["expires_at"] == token.json["expires_at"]
    bearer = {"Authorization": f"Bearer {token.json['token']}"}
    assert Visitor(app).get("/auth/verify?anyone=1", headers=bearer).status_code == 200
    assert visitor.get("/health/ready").status_code == 200

    for command, expected in {
        ("users", "list"): NAME,
        ("sessions", "list", "--json"): listed["expires_at"],
        ("users", "tokens", provider.person["email"], "--json"): kept["expires_at"],
        ("sessions", "purge"): "Deleted 0 sessions.",
        ("migrate", "status"): "applied",
        ("migrate", "up"): "up to date",
        ("sessions", "revoke", "--user", provider.person["email"]): "Revoked 1 session.",
    }.items():
        outcome = run_command(*command, **environ)
        assert outcome.code == 0, (command, outcome.stderr)
        assert expected in outcome.stdout, (command, outcome.stdout)
    assert visitor.get("/auth/session").json["authenticated"] is False


@pytest.mark.parametrize(("name", "value"), KINDS)
def test_the_databases_own_settings_change_nothing(
    connection: psycopg.Connection[Any],
    database_url: str,
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    name: str,
    value: str,
) -> None:
    set_default(connection, "DATABASE", name, value)
    use_everything(make_app(), provider, DATABASE_URL=database_url)


def test_nor_do_the_roles(
    connection: psycopg.Connection[Any],
    database_url: str,
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
) -> None:
    for name, value in HOSTILE.items():
        set_default(connection, "ROLE", name.strip(), value)
    use_everything(make_app(), provider, DATABASE_URL=database_url)


@pytest.mark.full
@pytest.mark.parametrize("kind", ["DATABASE", "ROLE"])
def test_nor_do_they_behind_a_pooler(
    connection: psycopg.Connection[Any],
    database_url: str,
    postgres: Any,
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    kind: Kind,
) -> None:
    for name, value in HOSTILE.items():
        set_default(connection, kind, name.strip(), value)
    with PgBouncer(postgres, pool_size=2) as pooler:
        pooled = pooler.in_front_of(database_url)
        app = make_app(DATABASE_URL=pooled, MIGRATE_DATABASE_URL=database_url)
        use_everything(app, provider, DATABASE_URL=pooled)


@pytest.mark.parametrize("options", ["", "-c TimeZone=Asia/Tokyo -c DateStyle=German"])
def test_each_setting_is_pinned_on_the_services_connections(
    connection: psycopg.Connection[Any], database_url: str, options: str
) -> None:
    for name, value in HOSTILE.items():
        set_default(connection, "DATABASE", name.strip(), value)
    url = psycopg.conninfo.make_conninfo(database_url, **({"options": options} if options else {}))
    database = Database(url=url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    try:
        for name, value in PINNED.items():
            found = database.run_repeatable(b"SELECT current_setting(%(name)s)", {"name": name}, tuple_row)
            assert found == [(value,)], name
    finally:
        database.close()


def test_a_type_that_psycopg_does_not_know_comes_as_text(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    connection.execute("CREATE TYPE mood AS ENUM ('fine', 'süß')")
    database = Database(url=database_url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    try:
        assert database.run_repeatable(b"SELECT 's\xc3\xbc\xc3\x9f'::mood", {}, tuple_row) == [("süß",)]
    finally:
        database.close()
