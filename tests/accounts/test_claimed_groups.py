"""Groups that a provider claims: whose they are, how long, and claims that lie."""

import json
import logging
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from app.accounts.groups import MAX_CLAIMED_LENGTH
from app.database.pool import Database
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
MakeApp = Callable[..., Any]


def groups_of(visitor: Visitor) -> list[str]:
    groups: list[str] = visitor.get("/auth/session").json["user"]["groups"]
    return groups


@pytest.fixture
def member(make_app: MakeApp) -> Visitor:
    return Visitor(make_app(OIDC_GROUPS_CLAIM="groups", REGISTRATION="automatic"), origin=WEBAPP)


def test_claims_are_replaced_at_each_sign_in_and_those_by_hand_stay(
    member: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    provider.changes["groups"] = ["staff", "Zoo"]
    member.sign_in()
    assert groups_of(member) == ["Zoo", "staff"]
    connection.execute("UPDATE users SET groups = ARRAY['hand', 'staff']")
    assert groups_of(member) == ["Zoo", "hand", "staff"]
    provider.changes["groups"] = ["finance"]
    member.sign_in()
    assert groups_of(member) == ["finance", "hand", "staff"]
    provider.changes["groups"] = None
    member.sign_in()
    assert groups_of(member) == ["hand", "staff"]


def test_every_session_of_the_identity_has_what_it_claimed_last(
    make_app: MakeApp, provider: OpenIDProvider
) -> None:
    app = make_app(OIDC_GROUPS_CLAIM="groups", REGISTRATION="automatic")
    first, second = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    provider.changes["groups"] = ["staff"]
    first.sign_in()
    provider.changes["groups"] = []
    second.sign_in()
    assert groups_of(first) == []
    assert first.get("/auth/verify?groups=staff").status_code == 403


def test_who_registers_by_hand_keeps_what_was_claimed_at_sign_in(
    make_app: MakeApp, provider: OpenIDProvider
) -> None:
    newcomer = Visitor(make_app(OIDC_GROUPS_CLAIM="groups"), origin=WEBAPP)
    provider.changes["groups"] = ["staff"]
    newcomer.sign_in()
    assert groups_of(newcomer) == []
    assert newcomer.post("/auth/register").json["groups"] == ["staff"]
    assert groups_of(newcomer) == ["staff"]


def test_an_api_token_has_those_by_hand_alone(
    member: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    provider.changes["groups"] = ["staff"]
    member.sign_in()
    connection.execute("UPDATE users SET groups = ARRAY['hand']")
    token = member.post("/auth/tokens", json={"name": "ci"}).json["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert member.get("/auth/session", headers=bearer).json["user"]["groups"] == ["hand"]
    assert member.get("/auth/verify?groups=staff", headers=bearer).status_code == 403
    assert member.get("/auth/verify?groups=staff").headers["x-auth-groups"] == "hand,staff"


def test_without_the_setting_a_claim_says_nothing(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.changes["groups"] = ["admins"]
    visitor.register()
    assert groups_of(visitor) == []


@pytest.mark.parametrize(
    ("claim", "kept", "left_out"),
    [
        ("staff finance\tstaff", ["finance", "staff"], 0),
        ("", [], 0),
        ([], [], 0),
        (["a", "a", " a "], ["a"], 0),
        ([1, 2.5, True, None, ["x"], {"name": "x"}, "a"], ["a"], 6),
        (["a,b", "a\x00b", "a\nb", "\x1b[1m", "\u202e", "\ud800", "", " ", "x" * 101, "ok"], ["ok"], 9),
        (["x" * 100, "R&D 100% Ü 🦊"], ["R&D 100% Ü 🦊", "x" * 100], 0),
        (7, [], 1),
        ({"admins": True}, [], 1),
        (True, [], 1),
    ],
)
def test_claims_that_lie_are_kept_cut_or_left_out_as_the_page_says(
    member: Visitor,
    provider: OpenIDProvider,
    caplog: pytest.LogCaptureFixture,
    claim: object,
    kept: list[str],
    left_out: int,
) -> None:
    caplog.set_level(logging.INFO)
    provider.changes["groups"] = claim
    assert member.sign_in().headers["location"] == f"{WEBAPP}/dashboard"
    assert groups_of(member) == kept
    events = [vars(record) for record in caplog.records if getattr(record, "event", "") == "groups_left_out"]
    assert [event["count"] for event in events] == ([left_out] if left_out else [])


@pytest.mark.parametrize(
    "claim", [[f"g{n:05}" for n in range(10_000)], " ".join(f"g{n:05}" for n in range(10_000))]
)
def test_of_ten_thousand_groups_the_first_two_hundred_are_kept(
    member: Visitor, provider: OpenIDProvider, claim: object
) -> None:
    provider.changes["groups"] = claim
    assert member.sign_in().headers["location"] == f"{WEBAPP}/dashboard"
    assert groups_of(member) == [f"g{n:05}" for n in range(200)]
    assert member.get("/auth/verify?groups=g00199").status_code == 200


@pytest.mark.parametrize(("letter", "kept"), [("x", 200), ("&", 200), ("%", 69), ("ü", 34), ("🦊", 17)])
def test_what_no_header_would_hold_is_left_out(
    member: Visitor,
    provider: OpenIDProvider,
    caplog: pytest.LogCaptureFixture,
    letter: str,
    kept: int,
) -> None:
    caplog.set_level(logging.INFO)
    provider.changes["groups"] = [f"{number:03}{letter * 97}" for number in range(200)]
    member.sign_in()
    header = member.get("/auth/verify?anyone=1").headers["x-auth-groups"]
    assert (header.count(",") + 1, len(header) <= MAX_CLAIMED_LENGTH) == (kept, True)
    events = [vars(record) for record in caplog.records if getattr(record, "event", "") == "groups_left_out"]
    assert [event["count"] for event in events] == ([200 - kept] if kept < 200 else [])


@pytest.mark.parametrize("claim", ["x" * 1_000_000, ["y" * 1_000_000], ["z"] * 250_000])
def test_a_megabyte_of_groups_is_no_failure_of_the_service(
    member: Visitor, provider: OpenIDProvider, claim: object
) -> None:
    """An answer of a provider that is this long is none."""
    provider.changes["groups"] = claim
    assert len(json.dumps(claim)) >= 1_000_000
    refused = member.sign_in()
    assert refused.headers["location"].endswith("/auth/login?error=provider_unavailable")
    assert not member.is_signed_in


def test_groups_go_with_the_identity(
    member: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    provider.changes["groups"] = ["staff"]
    member.sign_in()
    connection.execute("UPDATE sessions SET identity_id = NULL")
    assert groups_of(member) == []


@pytest.mark.parametrize("path", ["/auth/session", "/auth/verify?groups=staff", "/auth/user"])
def test_groups_cost_no_statement_of_their_own(
    member: Visitor, provider: OpenIDProvider, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    provider.changes["groups"] = ["staff"]
    member.sign_in()
    asked: list[str] = []
    guarded = Database._guarded  # noqa: SLF001  # each statement goes through it

    def count(database: Database, *arguments: Any) -> Any:
        asked.append(path)
        return guarded(database, *arguments)

    monkeypatch.setattr(Database, "_guarded", count)
    assert member.get(path).status_code == 200
    assert len(asked) == 1
