"""Ending sessions from elsewhere: one of them, or all but this one."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

UNKNOWN = UUID("5f0c54a7-0a39-4d0b-8f0e-0d2f0a4c7b11")
"""Fixed, as processes that share the tests must agree on their names."""

Connection = psycopg.Connection[Any]


@pytest.fixture
def elsewhere(app: Any, visitor: Visitor) -> Visitor:
    """The same person in another browser; both are signed in."""
    visitor.register()
    other = Visitor(app, origin=WEBAPP)
    other.sign_in()
    return other


def current_id(visitor: Visitor) -> str:
    sessions = visitor.get("/auth/sessions").json["sessions"]
    return next(str(session["id"]) for session in sessions if session["current"])


def test_a_session_ends_for_whoever_holds_it(visitor: Visitor, elsewhere: Visitor) -> None:
    ended = visitor.delete(f"/auth/sessions/{current_id(elsewhere)}")
    assert (ended.status_code, ended.content) == (204, b"")
    assert not elsewhere.is_signed_in
    assert visitor.is_signed_in
    assert len(visitor.get("/auth/sessions").json["sessions"]) == 1


def test_ending_a_session_again_changes_nothing(
    visitor: Visitor, elsewhere: Visitor, connection: Connection
) -> None:
    path = f"/auth/sessions/{current_id(elsewhere)}"
    elsewhere.post("/auth/logout")
    read = "SELECT revoked_at, revoke_reason FROM sessions WHERE revoke_reason = 'signed_out'"
    before = connection.execute(read).fetchall()
    assert len(before) == 1
    assert visitor.delete(path).status_code == 204
    assert connection.execute(read).fetchall() == before


def test_ending_ones_own_session_takes_the_cookie_back(visitor: Visitor, elsewhere: Visitor) -> None:
    assert visitor.delete(f"/auth/sessions/{current_id(visitor)}").status_code == 204
    assert "session" not in visitor.cookies
    assert elsewhere.is_signed_in


def test_somebody_elses_session_is_not_found(app: Any, provider: OpenIDProvider, visitor: Visitor) -> None:
    visitor.register()
    provider.reset()
    stranger = Visitor(app, origin=WEBAPP)
    stranger.register()
    refused = stranger.delete(f"/auth/sessions/{current_id(visitor)}")
    assert (refused.status_code, refused.json["code"]) == (404, "session_not_found")
    assert visitor.is_signed_in


@pytest.mark.parametrize("name", [str(UNKNOWN), "x", "0", "%00", "%FF", "a" * 2000, "{}"])
def test_what_names_no_session_is_not_found(visitor: Visitor, name: str) -> None:
    visitor.register()
    assert visitor.delete(f"/auth/sessions/{name}").status_code == 404


def test_all_others_end_at_once_and_are_counted(app: Any, visitor: Visitor, elsewhere: Visitor) -> None:
    third = Visitor(app, origin=WEBAPP)
    third.sign_in()
    answer = visitor.post("/auth/sessions/revoke-others")
    assert (answer.status_code, answer.json) == (200, {"revoked": 2})
    assert visitor.is_signed_in
    assert not elsewhere.is_signed_in
    assert not third.is_signed_in
    assert visitor.post("/auth/sessions/revoke-others").json == {"revoked": 0}


def test_other_peoples_sessions_stay(app: Any, provider: OpenIDProvider, visitor: Visitor) -> None:
    visitor.register()
    provider.reset()
    stranger = Visitor(app, origin=WEBAPP)
    stranger.register()
    assert stranger.post("/auth/sessions/revoke-others").json == {"revoked": 0}
    assert visitor.is_signed_in


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", f"/auth/sessions/{UNKNOWN}"), ("POST", "/auth/sessions/revoke-others")],
)
def test_sessions_are_ended_by_registered_people_alone(visitor: Visitor, method: str, path: str) -> None:
    anonymous = visitor.request(method, path)
    assert (anonymous.status_code, anonymous.json["code"]) == (401, "not_signed_in")
    visitor.sign_in()
    unregistered = visitor.request(method, path)
    assert (unregistered.status_code, unregistered.json["code"]) == (403, "not_registered")
