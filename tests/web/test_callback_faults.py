"""A browser that comes back from the provider is sent to the frontend, whatever fails here."""

import logging
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support.visitor import Visitor

BREAKS = {
    "a-table-is-gone": ("ALTER TABLE sessions RENAME TO elsewhere", psycopg.errors.UndefinedTable),
    "a-rule-forbids": (
        "ALTER TABLE sessions ADD CONSTRAINT never CHECK (ip IS NULL AND user_agent IS NULL)",
        psycopg.errors.CheckViolation,
    ),
    "a-trigger-fails": (
        """
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 / 0; END';
        CREATE TRIGGER fail BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION fail()
        """,
        psycopg.errors.DivisionByZero,
    ),
}


@pytest.mark.parametrize(("change", "kind"), BREAKS.values(), ids=BREAKS)
def test_a_fault_of_the_service_is_a_failed_sign_in_with_its_stack_in_the_log(
    connection: psycopg.Connection[Any],
    make_app: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    change: str,
    kind: type[psycopg.Error],
) -> None:
    visitor = Visitor(make_app())
    path = visitor.go_to_provider()
    connection.execute(change.encode())
    caplog.set_level(logging.INFO)
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("/auth/login?error=oauth_failed")
    assert not answer.headers.get("content-type", "").startswith("application/problem")
    [fault] = [record for record in caplog.records if record.message == "Request error"]
    assert fault.exc_info
    assert fault.exc_info[0] is kind
    [failed] = [record for record in caplog.records if record.message == "Sign-in failed"]
    assert vars(failed)["code"] == "oauth_failed"
    assert 'sign_ins_total{outcome="oauth_failed",provider="oidc"} 1.0' in visitor.get("/metrics").text
