"""What happens to sign-ins, sessions and accounts can be read from the log, by one fixed word each."""

import logging
from collections.abc import Callable
from typing import Any, get_args

import psycopg
import pytest

from app.telemetry.security_events import SENTENCES, Event
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.service import ROOT
from tests.support.visitor import Visitor


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Takes the events since the last call, as dictionaries of their fields."""
    caplog.set_level(logging.INFO)

    def take() -> list[dict[str, Any]]:
        taken = [vars(record) for record in caplog.records if hasattr(record, "event")]
        caplog.clear()
        return taken

    return take


Events = Callable[[], list[dict[str, Any]]]


def words(taken: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in taken]


def test_every_event_has_a_sentence_and_a_line_in_the_docs() -> None:
    page = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
    assert set(SENTENCES) == set(get_args(Event))
    assert not [event for event in SENTENCES if f"| `{event}` |" not in page]


def test_the_life_of_an_account_leaves_its_trail(app: Any, visitor: Visitor, events: Events) -> None:
    visitor.sign_in()
    (signed_in,) = events()
    assert (signed_in["event"], signed_in["user_id"]) == ("signed_in", None)
    user_id = visitor.post("/auth/register").json["id"]
    elsewhere, third = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    elsewhere.sign_in()
    third.sign_in()
    assert [(event["event"], event["user_id"]) for event in events()] == [
        ("user_registered", user_id),
        ("signed_in", user_id),
        ("signed_in", user_id),
    ]
    sessions = elsewhere.get("/auth/sessions").json["sessions"]
    own = next(session["id"] for session in sessions if session["current"])
    visitor.delete(f"/auth/sessions/{own}")
    visitor.post("/auth/sessions/revoke-others")
    visitor.patch("/auth/user", json={"name": "Augusta"})
    taken = events()
    assert words(taken) == ["session_revoked", "other_sessions_revoked", "user_updated"]
    assert [event["user_id"] for event in taken] == [user_id] * 3
    assert (taken[0]["session_id"], taken[1]["count"], taken[2]["fields"]) == (own, 1, ["name"])
    visitor.post("/auth/logout")
    visitor.post("/auth/logout")
    assert [(event["event"], event["user_id"]) for event in events()] == [("signed_out", user_id)]
    visitor.sign_in()
    visitor.delete("/auth/user")
    assert words(events()) == ["signed_in", "user_deleted"]


def test_a_browser_that_changes_hands_is_noticed(
    visitor: Visitor, provider: OpenIDProvider, events: Events
) -> None:
    first = visitor.register()
    visitor.sign_in()
    assert "account_switched" not in words(events())
    provider.reset()
    visitor.sign_in()
    switched = events()[-1]
    assert switched["event"] == "account_switched"
    assert (switched["previous_user_id"], switched["user_id"]) == (first, None)


def test_failures_name_their_code(
    visitor: Visitor, provider: OpenIDProvider, events: Events, database_url: str
) -> None:
    visitor.get("/auth/callback/oidc?state=x&code=y")
    (failed,) = events()
    assert (failed["event"], failed["code"], failed["levelname"]) == (
        "sign_in_failed",
        "invalid_state",
        "WARNING",
    )
    visitor.sign_in()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (email) VALUES (%s)", [provider.person["email"].lower()])
    assert visitor.post("/auth/register").status_code == 409
    refused = events()[-1]
    assert (refused["event"], refused["error"]) == ("registration_failed", "EmailTakenError")
