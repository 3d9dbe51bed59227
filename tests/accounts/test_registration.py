"""Becoming a user: confirmed, automatic, closed, and whoever may not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
from falcon.testing import Result

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
    rules = {"needs_invitation": False, "lifetime": LIFETIME, "idle_limit": IDLE_LIMIT}
    assert connection.execute(sql, nobody | rules).fetchall() == []


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


def test_of_registrations_at_once_one_makes_the_account_and_the_others_say_so(
    app: Any, visitor: Visitor, connection: Connection
) -> None:
    visitor.sign_in()
    clicks = [Visitor(app, origin=WEBAPP) for _ in range(8)]
    start = Barrier(len(clicks))

    def click(tab: Visitor) -> Result:
        tab.cookies = dict(visitor.cookies)
        start.wait()
        return tab.post("/auth/register")

    with ThreadPoolExecutor(len(clicks)) as threads:
        answers = list(threads.map(click, clicks))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json.get("code") for answer in answers} == {None, "already_registered"}
    assert not [answer for answer in answers if answer.status_code == 409 and answer.cookies]
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_a_session_used_up_by_its_registration_says_so_for_an_hour_there_and_nowhere_else(
    app: Any, visitor: Visitor, connection: Connection
) -> None:
    visitor.sign_in()
    late = Visitor(app, origin=WEBAPP)
    late.cookies = dict(visitor.cookies)
    visitor.post("/auth/register")
    again = late.post("/auth/register", json={"name": "Eve"})
    assert (again.status_code, again.json["code"]) == (409, "already_registered")
    assert not late.is_signed_in
    for method, path in (("GET", "/auth/user"), ("PATCH", "/auth/user"), ("GET", "/auth/verify?anyone=1")):
        assert late.request(method, path).status_code == 401
    connection.execute("UPDATE sessions SET revoked_at = now() - interval '61 minutes' WHERE user_id IS NULL")
    assert late.post("/auth/register").status_code == 401


def test_a_used_up_session_says_nothing_of_an_account_that_is_gone(app: Any, visitor: Visitor) -> None:
    visitor.sign_in()
    late = Visitor(app, origin=WEBAPP)
    late.cookies = dict(visitor.cookies)
    visitor.post("/auth/register")
    visitor.delete("/auth/user")
    assert late.post("/auth/register").status_code == 401


def test_a_pending_session_that_was_signed_out_or_replaced_registers_nobody(
    app: Any, visitor: Visitor
) -> None:
    visitor.sign_in()
    replaced = Visitor(app, origin=WEBAPP)
    replaced.cookies = dict(visitor.cookies)
    visitor.sign_in()
    signed_out = Visitor(app, origin=WEBAPP)
    signed_out.cookies = dict(visitor.cookies)
    visitor.post("/auth/logout")
    for tab in (replaced, signed_out):
        assert tab.post("/auth/register").status_code == 401


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
