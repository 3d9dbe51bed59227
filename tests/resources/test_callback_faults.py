"""Whatever is wrong here, a person who comes from the provider arrives at the frontend."""

import logging
from typing import Any

import psycopg
import pytest

from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

FAILED = f"{WEBAPP}/auth/login?error=oauth_failed"
FAULTS = {
    "no-table": "ALTER TABLE sessions RENAME TO elsewhere",
    "no-column": "ALTER TABLE sessions DROP COLUMN ip",
    "a-check": "ALTER TABLE sessions ADD CHECK (user_agent <> 'tests')",
    "a-type": "ALTER TABLE identities ALTER COLUMN subject TYPE int USING 0",
}


@pytest.mark.parametrize("statement", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_service_leads_to_the_frontend_and_into_the_log(
    visitor: Visitor, connection: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    path = visitor.go_to_provider()
    connection.execute(statement.encode())
    with caplog.at_level(logging.INFO):
        answer = visitor.get(path)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, FAILED, b"")
    assert [record.message for record in caplog.records if record.exc_info] == ["Request error"]
    (failed,) = [vars(record) for record in caplog.records if record.message == "Sign-in failed"]
    assert failed["code"] == "oauth_failed"
    assert "fault of the service" in failed["cause"]
    assert not visitor.cookies


def test_so_does_one_in_a_callback_that_comes_again(
    visitor: Visitor, connection: psycopg.Connection[Any]
) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    connection.execute("ALTER TABLE sessions RENAME TO elsewhere")
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, FAILED)
    assert list(visitor.cookies) == ["session"]


def test_other_paths_answer_with_a_problem(visitor: Visitor, connection: psycopg.Connection[Any]) -> None:
    visitor.sign_in()
    connection.execute("ALTER TABLE sessions RENAME TO elsewhere")
    assert visitor.get("/auth/session").json["code"] == "internal_error"
