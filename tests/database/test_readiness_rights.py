"""Readiness notices a database in which the service's own statements would fail."""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.database.test_query_plans import CASES, FOLDER
from tests.support.visitor import Visitor

TABLES = ["users", "identities", "sessions", "api_tokens", "logout_tokens"]
RIGHTS: list[LiteralString] = ["SELECT", "INSERT", "UPDATE", "DELETE"]
NOT_READY = {"status": "unavailable", "checks": {"database": "unavailable", "migrations": "ok"}}
LEDGER_SHUT = {"status": "unavailable", "checks": {"database": "unavailable", "migrations": "unavailable"}}
ROLE = "service_of_few_rights"

Connection = psycopg.Connection[Any]


@pytest.fixture
def role_url(connection: Connection, database_url: str) -> Iterator[str]:
    """The URL of a role that has every right on the tables, and owns none."""
    connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
    try:
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}".encode())
        yield make_conninfo(database_url, user=ROLE)
    finally:
        connection.execute(f"DROP OWNED BY {ROLE}".encode())
        connection.execute(f"DROP ROLE {ROLE}".encode())


def url_of(conninfo: str) -> str:
    """As DATABASE_URL has it."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"


def fails(connection: Connection, query: bytes, parameters: dict[str, Any]) -> bool:
    """Whether the role may not run it. EXPLAIN asks for the same rights."""
    try:
        connection.execute(b"EXPLAIN " + query, parameters)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_the_check_needs_just_the_rights_that_the_services_statements_need(
    connection: Connection, role_url: str
) -> None:
    queries = {
        str(path.relative_to(FOLDER).with_suffix("")): path.read_bytes()
        for folder in (FOLDER, FOLDER / "identities")
        for path in folder.glob("*.sql")
    }
    check = queries.pop("update_nothing")
    with psycopg.connect(role_url, autocommit=True) as service:
        assert not fails(service, check, {})
        for table in TABLES:
            for right in RIGHTS:
                words = sql.SQL(right), sql.Identifier(table), sql.Identifier(ROLE)
                connection.execute(sql.SQL("REVOKE {} ON {} FROM {}").format(*words))
                missed = [name for name, query in queries.items() if fails(service, query, CASES[name])]
                assert fails(service, check, {}) == bool(missed), (table, right, missed)
                connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(*words))


@pytest.mark.parametrize("change", ["REVOKE SELECT ON sessions FROM", "REVOKE INSERT ON users FROM"])
def test_a_role_without_a_right_is_not_ready_and_the_log_says_why_once(
    connection: Connection,
    role_url: str,
    make_app: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    monkeypatch.setattr("app.database.readiness.CACHE_SECONDS", 0.0)
    visitor = Visitor(make_app(DATABASE_URL=url_of(role_url)))
    assert visitor.get("/health/ready").status_code == 200
    connection.execute(f"{change} {ROLE}".encode())
    for _ in range(3):
        answer = visitor.get("/health/ready")
        assert (answer.status_code, answer.json) == (503, NOT_READY)
    [said] = [record for record in caplog.records if record.message == "Readiness check failed"]
    assert "permission denied for table" in vars(said)["cause"]
    assert said.exc_info
    metrics = visitor.get("/metrics").text
    assert "\ndatabase_up 0.0\n" in metrics


def test_a_ledger_that_may_not_be_read_is_not_ready(
    connection: Connection, role_url: str, make_app: Callable[..., Any]
) -> None:
    connection.execute(f"REVOKE ALL ON schema_migrations FROM {ROLE}".encode())
    answer = Visitor(make_app(DATABASE_URL=url_of(role_url))).get("/health/ready")
    assert (answer.status_code, answer.json) == (503, LEDGER_SHUT)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE sessions RENAME TO elsewhere",
        "ALTER TABLE users DROP COLUMN picture",
        "ALTER DATABASE {} SET default_transaction_read_only = on",
    ],
)
def test_a_database_that_cannot_serve_is_not_ready(
    connection: Connection, make_app: Callable[..., Any], change: str
) -> None:
    connection.execute(change.format(connection.info.dbname).encode())
    answer = Visitor(make_app()).get("/health/ready")
    assert (answer.status_code, answer.json) == (503, NOT_READY)


def test_a_table_that_is_locked_for_a_moment_takes_no_replica_out(
    connection: Connection, make_app: Callable[..., Any]
) -> None:
    visitor = Visitor(make_app())
    with connection.transaction():
        connection.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        assert visitor.get("/health/ready").status_code == 200
