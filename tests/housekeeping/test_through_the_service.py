"""What an operator does reaches people at their next request, on every replica."""

from collections.abc import Callable

import pytest
import requests

from tests.housekeeping.conftest import Connection, Run
from tests.support.live_session import insert_live_session
from tests.support.service import Service
from tests.support.visitor import Visitor


@pytest.fixture
def replicas(make_service: Callable[..., Service]) -> list[Service]:
    services = [make_service(WEB_CONCURRENCY="1") for _ in range(2)]
    for service in services:
        service.wait_until_serving()
    return services


def answers(replicas: list[Service], headers: dict[str, str]) -> list[tuple[bool, int]]:
    """From each replica: whether the caller is signed in, and the status of what needs a user."""
    return [
        (
            requests.get(f"{service.url}/auth/session", headers=headers, timeout=10).json()["authenticated"],
            requests.get(f"{service.url}/auth/sessions", headers=headers, timeout=10).status_code,
        )
        for service in replicas
    ]


def test_disabling_and_enabling_through_running_replicas(
    replicas: list[Service], run: Run, database_url: str, connection: Connection
) -> None:
    ada, grace = (insert_live_session(database_url) for _ in range(2))
    (email,) = connection.execute("SELECT email FROM users ORDER BY created_at LIMIT 1").fetchone() or ("",)
    assert answers(replicas, ada) == [(True, 200)] * 2
    assert run("users", "disable", email).code == 0
    assert answers(replicas, ada) == [(False, 401)] * 2
    assert answers(replicas, grace) == [(True, 200)] * 2
    assert run("users", "enable", email).code == 0
    assert answers(replicas, ada) == [(False, 401)] * 2
    assert run("sessions", "revoke", "--all", "--yes").code == 0
    assert answers(replicas, grace) == [(False, 401)] * 2


def test_a_disabled_person_cannot_sign_in_until_enabled(visitor: Visitor, run: Run) -> None:
    visitor.sign_in()
    email = visitor.post("/auth/register").json["email"]
    assert run("users", "disable", email.upper()).code == 0
    visitor.cookies.clear()
    refused = visitor.get(visitor.go_to_provider())
    assert refused.headers["Location"].endswith("/auth/login?error=account_disabled")
    assert run("users", "enable", email).code == 0
    visitor.sign_in()
    assert visitor.get("/auth/session").json["user"]["email"] == email


def test_a_deleted_person_is_a_stranger(visitor: Visitor, run: Run) -> None:
    visitor.sign_in()
    email = visitor.post("/auth/register").json["email"]
    assert run("users", "delete", email, "--yes").code == 0
    assert visitor.get("/auth/session").json["authenticated"] is False
    visitor.sign_in()
    assert visitor.get("/auth/session").json["registered"] is False


def test_a_purge_keeps_the_living(visitor: Visitor, run: Run) -> None:
    visitor.sign_in()
    visitor.post("/auth/register")
    assert run("sessions", "purge", "--older-than", "0d").stdout == "Deleted 1 session.\n"
    assert visitor.get("/auth/session").json["authenticated"] is True
