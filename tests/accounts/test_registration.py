"""Becoming a user: confirmed, automatic, closed, and whoever may not."""

from collections.abc import Callable
from typing import Any

import psycopg

from app.accounts.credentials import IDLE_LIMIT, LIFETIME
from app.settings.places import QUERIES_FOLDER
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
HTTPS = {"API_URL": "https://api.example.com", "WEBAPP_URL": "https://app.example.com"}


def test_an_expired_pending_session_registers_nobody(visitor: Visitor, connection: Connection) -> None:
    visitor.sign_in()
    connection.execute("UPDATE sessions SET expires_at = now(), idle_expires_at = now() + interval '1 hour'")
    assert visitor.post("/auth/register").status_code == 401
    sql = (QUERIES_FOLDER / "insert_user.sql").read_bytes()
    row = connection.execute("SELECT id FROM sessions").fetchone()
    assert row
    nobody = {"pending_session_id": row[0], "token_hash": b"", "name": None, "picture": None}
    assert connection.execute(sql, nobody | {"lifetime": LIFETIME, "idle_limit": IDLE_LIMIT}).fetchall() == []


def test_an_email_another_identity_holds_is_a_conflict(
    visitor: Visitor, app: Any, provider: OpenIDProvider
) -> None:
    visitor.register()
    provider.person["sub"] = "somebody-else"
    provider.person["email"] = provider.person["email"].upper()
    other = Visitor(app, origin=WEBAPP)
    other.sign_in()
    refused = other.post("/auth/register")
    assert (refused.status_code, refused.json["code"]) == (409, "email_taken")


def test_one_person_registering_in_two_tabs_is_one_user(app: Any, connection: Connection) -> None:
    tabs = [Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)]
    for tab in tabs:
        tab.sign_in()
    answers = [tab.post("/auth/register") for tab in tabs]
    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json["code"] == "already_registered"
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_registration_can_be_automatic(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    app = make_app(REGISTRATION="automatic")
    visitor = Visitor(app, origin=WEBAPP)
    assert visitor.sign_in("/welcome").headers["location"] == f"{WEBAPP}/welcome"
    assert visitor.get("/auth/session").json["registered"] is True
    provider.person["sub"] = "somebody-else"
    other = Visitor(app, origin=WEBAPP)
    assert other.sign_in().headers["location"] == f"{WEBAPP}/auth/login?error=email_taken"
    assert "session" not in other.cookies


def test_registration_can_be_closed(make_app: Callable[..., Any], visitor: Visitor) -> None:
    closed = Visitor(make_app(REGISTRATION="closed"), origin=WEBAPP)
    assert closed.sign_in().headers["location"] == f"{WEBAPP}/auth/login?error=registration_closed"
    visitor.sign_in()
    closed.cookies = dict(visitor.cookies)
    assert closed.post("/auth/register").json["code"] == "registration_closed"
    visitor.post("/auth/register")
    assert closed.sign_in().headers["location"] == f"{WEBAPP}/dashboard"


def test_a_disabled_user_cannot_sign_in(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    connection.execute("UPDATE users SET disabled_at = now()")
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/login?error=account_disabled"


def test_email_domains_can_be_limited(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    app = make_app(ALLOWED_EMAIL_DOMAINS="Example.com, example.org")
    assert Visitor(app).sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    provider.person["email"] = "eve@sub.example.com"
    refused = Visitor(app).sign_in()
    assert refused.headers["location"] == f"{WEBAPP}/auth/login?error=domain_not_allowed"
