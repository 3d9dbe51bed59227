"""A callback that comes again: the answer has done its work, and whoever it signed in goes on."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

DASHBOARD, REGISTER = f"{WEBAPP}/dashboard", f"{WEBAPP}/auth/register"


def state_of(path: str) -> str:
    return parse_qs(urlsplit(path).query)["state"][0]


def assert_goes_on(visitor: Visitor, path: str, place: str) -> None:
    """It leads there, changes no cookie, and the session is what it was."""
    before = visitor.get("/auth/session").json
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert not answer.cookies
    assert visitor.get("/auth/session").json == before
    assert before["authenticated"]


def test_somebody_signed_in_goes_on_to_the_dashboard(
    visitor: Visitor, provider: OpenIDProvider, connection: Connection
) -> None:
    visitor.register()
    path = visitor.go_to_provider("/reports")
    assert visitor.get(path).headers["location"] == f"{WEBAPP}/reports"
    asked = len(provider.visits)
    for _ in range(3):
        assert_goes_on(visitor, path, DASHBOARD)
    assert len(provider.visits) == asked
    assert connection.execute("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").fetchone() == (1,)


def test_somebody_who_has_yet_to_register_goes_on_to_that(visitor: Visitor) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    assert_goes_on(visitor, path, REGISTER)
    visitor.post("/auth/register")
    assert_goes_on(visitor, path, DASHBOARD)


def test_it_is_so_where_registration_is_automatic(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(REGISTRATION="automatic"), origin=WEBAPP)
    path = visitor.go_to_provider("/welcome")
    assert visitor.get(path).headers["location"] == f"{WEBAPP}/welcome"
    assert_goes_on(visitor, path, DASHBOARD)


@pytest.mark.parametrize(
    "query",
    [
        "state={state}",
        "error=access_denied&state={state}",
        "code=another&state={state}",
        "iss=x&state={state}",
    ],
)
def test_the_state_alone_tells_that_it_comes_again(visitor: Visitor, query: str) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    assert_goes_on(visitor, f"/auth/callback/oidc?{query.format(state=state_of(path))}", REGISTER)


def test_it_goes_on_while_secrets_rotate(make_app: Callable[..., Any]) -> None:
    old, new = "an old secret of thirty-two letters", "a new secret of thirty-two letters!"
    visitor = Visitor(make_app(SESSION_SECRET=old))
    path = visitor.go_to_provider()
    visitor.get(path)
    rotated = Visitor(make_app(SESSION_SECRET=new, SESSION_SECRET_PREVIOUS=old))
    rotated.cookies = dict(visitor.cookies)
    assert_goes_on(rotated, path, REGISTER)


ENDINGS: dict[str, str] = {
    "revoked": "UPDATE sessions SET revoked_at = now(), revoke_reason = 'revoked'",
    "expired": "UPDATE sessions SET expires_at = now()",
    "idle": "UPDATE sessions SET idle_expires_at = now()",
    "begun-by-the-release-before": "UPDATE sessions SET state_hash = NULL",
    "disabled": "UPDATE users SET disabled_at = now()",
    "deleted": "DELETE FROM users",
}


@pytest.mark.parametrize("statement", ENDINGS.values(), ids=ENDINGS)
def test_a_session_that_has_ended_goes_nowhere(
    visitor: Visitor, connection: Connection, statement: str
) -> None:
    visitor.register()
    path = visitor.go_to_provider()
    visitor.get(path)
    connection.execute(statement.encode())
    answer = visitor.get(path)
    assert answer.headers["location"] == f"{WEBAPP}/auth/login?error=invalid_state"


def test_the_answer_of_another_sign_in_stays_invalid(visitor: Visitor, refusal: Refusal) -> None:
    first, second = visitor.go_to_provider(), visitor.go_to_provider()
    visitor.get(first)
    visitor.get(second)
    refusal.check(visitor.get(first), "invalid_state", "no such attempt", sessions=2)
    assert_goes_on(visitor, second, REGISTER)


def test_another_persons_answer_stays_invalid(app: Any, visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    stranger = Visitor(app)
    refusal.check(stranger.get(path), "invalid_state", "no such attempt", sessions=1)
    stranger.sign_in()
    refusal.check(stranger.get(path), "invalid_state", "no such attempt", sessions=2)


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?state=%00", "?state=%ff%f0"])
def test_no_state_is_nobodys(visitor: Visitor, refusal: Refusal, query: str) -> None:
    visitor.sign_in()
    refusal.check(visitor.get(f"/auth/callback/oidc{query}"), "invalid_state", "no such attempt", sessions=1)


def test_with_two_session_cookies_it_is_nobodys(visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    cookie = f"session={visitor.cookies['session']}"
    answer = visitor.get(path, headers={"Cookie": f"{cookie}; {cookie}"})
    refusal.check(answer, "invalid_state", "no such attempt", sessions=1)


def test_the_database_holds_the_states_hash_alone(visitor: Visitor, connection: Connection) -> None:
    path = visitor.go_to_provider()
    visitor.get(path)
    (row,) = connection.execute("SELECT sessions::text FROM sessions").fetchall()
    assert state_of(path) not in row[0]
    assert state_of(path).encode().hex() not in row[0]
