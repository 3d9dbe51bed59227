"""The life of a session: its cookie, its rotation, its ends."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from app.accounts.credentials import IDLE_LIMIT, SLIDE_INTERVAL, Keyring, is_token, new_token
from app.settings.places import QUERIES_FOLDER
from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
HTTPS = {"API_URL": "https://api.example.com", "WEBAPP_URL": "https://app.example.com"}


def test_the_database_holds_no_token(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    token = visitor.cookies["session"]
    hashes = [row[0] for row in connection.execute("SELECT token_hash FROM sessions")]
    assert token.encode() not in b"".join(hashes)
    keyring = Keyring("not-a-secret-only-for-development-and-tests")
    assert keyring.token_hash(token) in hashes


def test_over_https_the_cookie_belongs_to_this_host_alone(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(**HTTPS), origin="https://app.example.com")
    visitor.register()
    cookie = visitor.latest["__Host-session"]
    assert (cookie.http_only, cookie.secure, cookie.path) == (True, True, "/")
    assert not cookie.domain
    assert visitor.post("/auth/logout").status_code == 204
    cleared = visitor.latest["__Host-session"]
    assert (cleared.secure, cleared.path, cleared.value) == (True, "/", "")
    assert cleared.expires
    assert cleared.expires.year == 1970


def test_with_a_cookie_domain_the_session_is_shared_and_the_attempt_is_not(
    make_app: Callable[..., Any],
) -> None:
    visitor = Visitor(make_app(**HTTPS, COOKIE_DOMAIN="example.com"), origin="https://app.example.com")
    ((name, attempt),) = visitor.get("/auth/login").cookies.items()
    assert name.startswith("__Host-sign-in-")
    assert not attempt.domain
    visitor.register()
    cookie = visitor.latest["__Secure-session"]
    assert (cookie.secure, cookie.domain) == (True, "example.com")


def test_an_unregistered_session_lives_an_hour(visitor: Visitor, connection: Connection) -> None:
    visitor.sign_in()
    assert visitor.latest["session"].max_age == 3600
    query = (
        "SELECT extract(epoch FROM expires_at - created_at), extract(epoch FROM idle_expires_at - created_at)"
    )
    assert connection.execute(f"{query} FROM sessions").fetchone() == (3600, 3600)


def test_a_users_session_lives_thirty_days_seven_of_them_idle(
    visitor: Visitor, connection: Connection
) -> None:
    read = """
        SELECT expires_at - created_at = '30 days', idle_expires_at - created_at = '7 days'
        FROM sessions WHERE user_id IS NOT NULL AND revoked_at IS NULL
    """
    visitor.register()
    assert connection.execute(read).fetchall() == [(True, True)]
    visitor.sign_in()
    assert connection.execute(read).fetchall() == [(True, True)]


def test_signing_in_again_ends_the_browsers_previous_session(visitor: Visitor) -> None:
    visitor.register()
    old = visitor.cookies["session"]
    visitor.sign_in()
    assert visitor.cookies["session"] != old
    visitor.cookies["session"] = old
    assert not visitor.is_signed_in


def test_signing_out_ends_the_session_on_the_server(visitor: Visitor) -> None:
    visitor.register()
    token = visitor.cookies["session"]
    assert visitor.post("/auth/logout").status_code == 204
    assert "session" not in visitor.cookies
    visitor.cookies["session"] = token
    assert not visitor.is_signed_in
    assert visitor.post("/auth/logout").status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET idle_expires_at = now()",
        "UPDATE sessions SET revoked_at = now()",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM users",
    ],
)
def test_a_session_is_dead_at_the_next_request(visitor: Visitor, connection: Connection, change: str) -> None:
    visitor.register()
    connection.execute(change)
    assert not visitor.is_signed_in


def test_a_dead_token_is_not_cleared_lest_a_late_answer_takes_a_new_one_away(visitor: Visitor) -> None:
    visitor.sign_in()
    pending = visitor.cookies["session"]
    visitor.post("/auth/register")
    late = visitor.get("/auth/session", headers={"Cookie": f"session={pending}"})
    assert late.json["authenticated"] is False
    assert not late.cookies
    assert visitor.is_signed_in


def test_a_visit_moves_the_idle_limit_at_most_every_five_minutes(
    visitor: Visitor, connection: Connection
) -> None:
    visitor.register()
    read = "SELECT last_seen_at, idle_expires_at FROM sessions WHERE user_id IS NOT NULL"

    def age(interval: str) -> tuple[Any, ...] | None:
        connection.execute(
            "UPDATE sessions SET last_seen_at = now() - %s::interval, "
            "idle_expires_at = now() + interval '1 day'",
            (interval,),
        )
        return connection.execute(read).fetchone()

    before = age("4 minutes")
    assert visitor.is_signed_in
    assert connection.execute(read).fetchone() == before
    age("6 minutes")
    assert visitor.is_signed_in
    left = (
        "SELECT extract(epoch FROM idle_expires_at - now()) / 86400 FROM sessions WHERE user_id IS NOT NULL"
    )
    row = connection.execute(left).fetchone()
    assert row
    assert 6.9 < row[0] < 7.1


def test_the_idle_limit_never_passes_the_absolute_one(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    connection.execute(
        "UPDATE sessions SET last_seen_at = now() - interval '1 hour', expires_at = now() + interval '1 day'"
    )
    before = visitor.get("/auth/session").json["expires_at"]
    row = connection.execute(
        "SELECT idle_expires_at = expires_at FROM sessions WHERE user_id IS NOT NULL"
    ).fetchone()
    assert row == (True,)
    assert visitor.get("/auth/session").json["expires_at"] == before


def test_several_session_cookies_count_as_none_and_are_cleared(visitor: Visitor) -> None:
    visitor.register()
    good, planted = visitor.cookies.pop("session"), new_token()
    for pair in ((good, planted), (planted, good), (good, good)):
        cookie = "; ".join(f"session={value}" for value in pair)
        result = visitor.get("/auth/session", headers={"Cookie": cookie})
        assert result.json["authenticated"] is False
        assert result.cookies["session"].value == ""


@pytest.mark.parametrize("value", ["", "x", "x" * 42, "x" * 44, "x" * 42 + "!", "ü" * 43])
def test_a_malformed_cookie_costs_no_query_and_is_cleared(
    app: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked the database")

    monkeypatch.setattr("app.database.queries.Queries.find_session", refuse)
    result = Visitor(app).get(
        "/auth/session", headers={"Cookie": f"session={value}".encode().decode("latin-1")}
    )
    assert result.json == {"authenticated": False, "registered": False, "user": None, "expires_at": None}
    assert result.cookies["session"].value == ""


def test_a_visitor_gets_no_cookie(visitor: Visitor) -> None:
    for path in ("/", "/auth/session", "/auth/sessions"):
        assert not visitor.get(path).cookies


def test_my_sessions_are_listed_and_mine_is_marked(app: Any, visitor: Visitor) -> None:
    visitor.register()
    elsewhere = Visitor(app, origin=WEBAPP)
    elsewhere.get(
        elsewhere.go_to_provider(),
        headers={"User-Agent": "Phone " + "x" * 600, "X-Forwarded-For": "6.6.6.6, 2001:db8::7"},
    )
    listed = elsewhere.get("/auth/sessions").json["sessions"]
    assert [session["current"] for session in listed] == [True, False]
    assert listed[0]["ip"] == "2001:db8::7"
    assert listed[0]["user_agent"] == ("Phone " + "x" * 600)[:512]
    assert set(listed[0]) == {"id", "current", "created_at", "last_seen_at", "expires_at", "ip", "user_agent"}
    elsewhere.post("/auth/logout")
    assert len(visitor.get("/auth/sessions").json["sessions"]) == 1


def test_unregistered_people_have_no_list(visitor: Visitor) -> None:
    visitor.sign_in()
    refused = visitor.get("/auth/sessions")
    assert (refused.status_code, refused.json["code"]) == (403, "not_registered")


def test_a_rotated_secret_keeps_sessions_while_the_previous_is_set(make_app: Callable[..., Any]) -> None:
    old, new = "o" * 32, "n" * 32
    visitor = Visitor(make_app(SESSION_SECRET=old), origin=WEBAPP)
    visitor.register()
    for environ, expected in (
        ({"SESSION_SECRET": new, "SESSION_SECRET_PREVIOUS": old}, True),
        ({"SESSION_SECRET": new}, False),
    ):
        later = Visitor(make_app(**environ), origin=WEBAPP)
        later.cookies = dict(visitor.cookies)
        assert later.is_signed_in is expected


def test_tokens_have_256_bits() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert is_token(new_token())


def test_over_http_the_cookie_is_plain_and_closed_to_scripts(visitor: Visitor) -> None:
    visitor.register()
    cookie = visitor.latest["session"]
    assert (cookie.http_only, cookie.secure, cookie.path) == (True, False, "/")
    assert not cookie.domain
    assert cookie.same_site == "Lax"
    assert cookie.max_age == 30 * 86400


def test_registration_ends_the_old_token(visitor: Visitor) -> None:
    visitor.sign_in()
    old = visitor.cookies["session"]
    visitor.post("/auth/register")
    assert visitor.is_signed_in
    visitor.cookies["session"] = old
    assert not visitor.is_signed_in


def test_the_statement_of_a_check_has_the_times_that_the_code_has() -> None:
    sql = (QUERIES_FOLDER / "find_session.sql").read_text(encoding="utf-8")
    times = set(re.findall(r"interval '([^']+)'", sql))
    assert times == {f"{IDLE_LIMIT.days} days", f"{SLIDE_INTERVAL.total_seconds() / 60:.0f} minutes"}
