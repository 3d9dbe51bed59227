"""Whom an invitation admits, what it gives, and what stays of it."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
LISTS = {"ALLOWED_EMAIL_DOMAINS": "elsewhere.example", "ALLOWED_EMAILS": "somebody@example.org"}


def invite(connection: Connection, email: str, *groups: str) -> None:
    connection.execute("INSERT INTO invitations (email, groups) VALUES (%s, %s)", (email, sorted(groups)))


def open_invitations(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM invitations").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def guest(make_app: Callable[..., Any]) -> Visitor:
    """Somebody whom the lists do not admit."""
    return Visitor(make_app(**LISTS), origin=WEBAPP)


def test_an_invited_address_is_admitted_whatever_the_lists_say(
    guest: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    assert guest.sign_in().headers["location"].endswith("error=domain_not_allowed")
    invite(connection, provider.person["email"], "staff", "Zoo")
    assert guest.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    assert open_invitations(connection) == 1
    registered = guest.post("/auth/register")
    assert (registered.status_code, registered.json["groups"]) == (201, ["Zoo", "staff"])
    assert guest.get("/auth/session").json["user"]["groups"] == ["Zoo", "staff"]
    assert open_invitations(connection) == 0


def test_the_identity_stays_admitted_and_another_one_of_that_address_is_not(
    guest: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    invite(connection, provider.person["email"])
    guest.sign_in()
    guest.post("/auth/register")
    guest.post("/auth/logout")
    provider.person["email"] = "moved@example.net"
    assert guest.sign_in().headers["location"] == f"{WEBAPP}/dashboard"
    provider.person["sub"] = "somebody-else"
    assert guest.sign_in().headers["location"].endswith("error=domain_not_allowed")


def test_an_address_nobody_vouches_for_uses_no_invitation(
    guest: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    invite(connection, provider.person["email"])
    provider.changes["email_verified"] = False
    assert guest.sign_in().headers["location"].endswith("error=email_not_verified")
    assert open_invitations(connection) == 1


def test_with_registration_closed_an_invitation_registers_at_once(
    make_app: Callable[..., Any], connection: Connection, provider: OpenIDProvider
) -> None:
    guest = Visitor(make_app(REGISTRATION="closed"), origin=WEBAPP)
    assert guest.sign_in().headers["location"].endswith("error=registration_closed")
    invite(connection, provider.person["email"], "staff")
    assert guest.sign_in().headers["location"] == f"{WEBAPP}/dashboard"
    session = guest.get("/auth/session").json
    assert (session["registered"], session["user"]["groups"]) == (True, ["staff"])
    provider.reset()
    other = Visitor(make_app(REGISTRATION="closed"), origin=WEBAPP)
    assert other.sign_in().headers["location"].endswith("error=registration_closed")


def test_somebody_with_an_account_gets_the_groups_at_their_next_sign_in(
    make_app: Callable[..., Any], connection: Connection, provider: OpenIDProvider
) -> None:
    member = Visitor(make_app(), origin=WEBAPP)
    member.register()
    connection.execute("UPDATE users SET groups = ARRAY['admins', 'staff']")
    invite(connection, provider.person["email"], "staff", "Zoo")
    member.sign_in()
    assert member.get("/auth/session").json["user"]["groups"] == ["Zoo", "admins", "staff"]
    assert open_invitations(connection) == 0
    strict = Visitor(make_app(**LISTS), origin=WEBAPP)
    assert strict.sign_in().headers["location"] == f"{WEBAPP}/dashboard"


def test_a_disabled_person_stays_out_and_uses_no_invitation(
    guest: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    invite(connection, provider.person["email"])
    guest.sign_in()
    guest.post("/auth/register")
    connection.execute("UPDATE users SET disabled_at = now()")
    invite(connection, provider.person["email"])
    assert guest.sign_in().headers["location"].endswith("error=account_disabled")
    assert open_invitations(connection) == 1


def test_a_taken_address_uses_no_invitation(
    make_app: Callable[..., Any], connection: Connection, provider: OpenIDProvider
) -> None:
    owner = Visitor(make_app(), origin=WEBAPP)
    owner.register()
    invite(connection, provider.person["email"], "staff")
    provider.person["sub"] = "somebody-else"
    thief = Visitor(make_app(), origin=WEBAPP)
    thief.sign_in()
    assert thief.post("/auth/register").json["code"] == "email_taken"
    assert open_invitations(connection) == 1


def test_an_invitation_that_is_withdrawn_at_the_last_moment_registers_nobody(
    make_app: Callable[..., Any],
    connection: Connection,
    provider: OpenIDProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guest = Visitor(make_app(REGISTRATION="closed"), origin=WEBAPP)
    monkeypatch.setattr("app.accounts.admission.Admission.has_invitation", lambda *_: True)
    assert guest.sign_in().headers["location"].endswith("error=oauth_failed")
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
