"""Linking one more identity: who can, what it changes, and that no account changes hands."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

SETTINGS = f"{WEBAPP}/settings"


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str]) -> Any:
    return make_app(**two)


def user_id(visitor: Visitor) -> Any:
    return visitor.get("/auth/session").json["user"]["id"]


def identities(visitor: Visitor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = visitor.get("/auth/identities").json["identities"]
    return found


def age(connection: Connection, minutes: int) -> None:
    connection.execute("UPDATE sessions SET created_at = now() - %s * interval '1 minute'", [minutes])


def test_the_same_person_signs_in_with_either(
    app: Any, ada: Visitor, provider: OpenIDProvider, other: OpenIDProvider, connection: Connection
) -> None:
    before, session = ada.cookies["session"], ada.get("/auth/sessions").json["sessions"]
    answer = ada.get(ada.begin_link("other"))
    assert (answer.status_code, answer.headers["location"]) == (303, SETTINGS)
    assert ada.cookies["session"] != before
    found = identities(ada)
    assert [item["provider"] for item in found] == ["oidc", "other"]
    assert [item["email"] for item in found] == [provider.person["email"], other.person["email"]]
    # The session goes on: it began and ends when it did.
    renewed = ada.get("/auth/sessions").json["sessions"]
    for field in ("created_at", "expires_at"):
        assert [item[field] for item in renewed] == [item[field] for item in session]
    assert ada.get("/auth/session").json["user"]["email"] == provider.person["email"]

    elsewhere = Visitor(app, origin=WEBAPP)
    elsewhere.sign_in(provider="other")
    assert user_id(elsewhere) == user_id(ada)
    old = Visitor(app)
    old.cookies["session"] = before
    assert not old.is_signed_in
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_the_provider_is_told_to_ask(ada: Visitor) -> None:
    answer = ada.post("/auth/identities", json={"provider": "other"})
    query = parse_qs(urlsplit(answer.json["authorization_url"]).query)
    assert query["prompt"] == ["login"]
    assert ada.latest["sign-in-1"].http_only


def test_somebody_elses_identity_stays_theirs(app: Any, ada: Visitor) -> None:
    grace = Visitor(app, origin=WEBAPP)
    grace.sign_in(provider="other")
    grace.post("/auth/register")
    answer = ada.get(ada.begin_link("other", "/settings?tab=1#top"))
    assert answer.headers["location"] == f"{WEBAPP}/settings?tab=1&error=identity_taken#top"
    assert ada.is_signed_in
    assert len(identities(ada)) == len(identities(grace)) == 1


def test_ones_own_identity_again_changes_nothing_else(ada: Visitor) -> None:
    for _ in range(2):
        assert ada.get(ada.begin_link("other")).headers["location"] == SETTINGS
    assert ada.get(ada.begin_link("oidc")).headers["location"] == SETTINGS
    assert len(identities(ada)) == 2


def test_a_repeated_callback_goes_on_to_the_frontend(ada: Visitor) -> None:
    path = ada.begin_link("other")
    ada.get(path)
    assert ada.get(path).headers["location"] == f"{WEBAPP}/dashboard"
    assert len(identities(ada)) == 2


def refused(answer: Any, visitor: Visitor, place: str) -> None:
    assert answer.headers["location"] == place
    assert len(identities(visitor)) == 1


def test_the_session_that_asked_must_be_the_browsers(app: Any, ada: Visitor, connection: Connection) -> None:
    invalid = f"{WEBAPP}/settings?error=invalid_state"
    # Another session of the same person.
    path = ada.begin_link("other")
    ada.sign_in(provider="oidc")
    refused(ada.get(path), ada, invalid)
    # Somebody else's session, into which the attempt was planted.
    path, attempt = ada.begin_link("other"), dict(ada.cookies)
    grace = Visitor(app, origin=WEBAPP)
    grace.cookies = {name: value for name, value in attempt.items() if name != "session"}
    assert grace.get(path).headers["location"] == invalid
    assert not grace.is_signed_in
    # A session that has ended.
    path = ada.begin_link("other")
    connection.execute("UPDATE sessions SET revoked_at = now(), revoke_reason = 'revoked'")
    assert ada.get(path).headers["location"] == invalid
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (1,)


def test_a_disabled_person_links_nothing(ada: Visitor, connection: Connection) -> None:
    path = ada.begin_link("other")
    connection.execute("UPDATE users SET disabled_at = now()")
    assert "error=invalid_state" in ada.get(path).headers["location"]
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (1,)


def test_a_link_that_the_provider_refuses_leads_back(ada: Visitor) -> None:
    state = parse_qs(urlsplit(ada.begin_link("other")).query)["state"][0]
    answer = ada.get(f"/auth/callback/other?error=access_denied&state={state}")
    refused(answer, ada, f"{WEBAPP}/settings?error=access_denied")
    assert ada.is_signed_in


def test_twice_at_once_is_once(app: Any, ada: Visitor, connection: Connection) -> None:
    paths = [ada.begin_link("other") for _ in range(2)]
    tabs = [Visitor(app) for _ in paths]
    for tab in tabs:
        tab.cookies = dict(ada.cookies)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(Visitor.get, tabs, paths))
    places = sorted(answer.headers["location"] for answer in answers)
    assert places == [SETTINGS, f"{WEBAPP}/settings?error=invalid_state"]
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (2,)
    assert connection.execute("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").fetchone() == (1,)


def test_a_sign_in_must_be_recent(ada: Visitor, connection: Connection) -> None:
    body = {"provider": "other"}
    age(connection, 9)
    assert ada.post("/auth/identities", json=body).status_code == 200
    age(connection, 11)
    answer = ada.post("/auth/identities", json=body)
    assert (answer.status_code, answer.json["code"], answer.cookies) == (403, "sign_in_again", {})
    [identity] = identities(ada)
    answer = ada.delete(f"/auth/identities/{identity['id']}")
    assert (answer.status_code, answer.json["code"]) == (403, "sign_in_again")
    ada.sign_in(provider="oidc")
    assert ada.post("/auth/identities", json=body).status_code == 200


def test_a_new_token_is_no_new_sign_in(ada: Visitor, connection: Connection) -> None:
    path = ada.begin_link("other")
    age(connection, 11)
    assert ada.get(path).headers["location"] == SETTINGS
    assert ada.post("/auth/identities", json={"provider": "other"}).json["code"] == "sign_in_again"


def test_who_is_not_registered_links_nothing(app: Any) -> None:
    visitor = Visitor(app, origin=WEBAPP)
    assert visitor.post("/auth/identities", json={"provider": "other"}).status_code == 401
    assert visitor.get("/auth/identities").status_code == 401
    visitor.sign_in(provider="oidc")
    answer = visitor.post("/auth/identities", json={"provider": "other"})
    assert (answer.status_code, answer.json["code"]) == (403, "not_registered")
    assert visitor.get("/auth/identities").json["code"] == "not_registered"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"provider": "third"}, 404, "provider_not_found"),
        ({}, 422, "invalid_field"),
        ({"provider": 5}, 422, "invalid_field"),
        ({"provider": "other", "return_to": "//evil.example"}, 422, "invalid_field"),
        ({"provider": "other", "return_to": 5}, 422, "invalid_field"),
        ({"provider": "other", "more": 1}, 422, "invalid_field"),
    ],
    ids=str,
)
def test_what_is_asked_for_is_checked(ada: Visitor, body: dict[str, Any], status: int, code: str) -> None:
    answer = ada.post("/auth/identities", json=body)
    assert (answer.status_code, answer.json["code"], answer.cookies) == (status, code, {})


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_another_site_cannot_link(app: Any, ada: Visitor, headers: dict[str, str]) -> None:
    forged = Visitor(app)
    forged.cookies = dict(ada.cookies)
    answer = forged.post("/auth/identities", json={"provider": "other"}, headers=headers)
    assert (answer.status_code, answer.cookies) == (403, {})


def test_the_lists_are_asked_of_the_address_of_each_identity(
    make_app: Callable[..., Any], two: dict[str, str], provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    provider.person["email"], other.person["email"] = "ada@company.example", "ada@private.example"
    open_app = make_app(**two)
    ada = Visitor(open_app, origin=WEBAPP)
    ada.sign_in(provider="oidc")
    ada.post("/auth/register")
    ada.get(ada.begin_link("other"))

    strict = Visitor(make_app(**two, ALLOWED_EMAIL_DOMAINS="company.example"), origin=WEBAPP)
    assert strict.sign_in(provider="other").headers["location"].endswith("?error=domain_not_allowed")
    assert strict.sign_in(provider="oidc").headers["location"] == f"{WEBAPP}/dashboard"
    other.person |= {"sub": "a-third-identity"}
    answer = strict.get(strict.begin_link("other"))
    assert answer.headers["location"] == f"{WEBAPP}/settings?error=domain_not_allowed"
    listed = make_app(**two, ALLOWED_EMAIL_DOMAINS="company.example", ALLOWED_EMAILS="Ada@private.example")
    assert "error" not in Visitor(listed).sign_in(provider="other").headers["location"]


def test_removing_an_identity_ends_what_began_with_it(app: Any, ada: Visitor, connection: Connection) -> None:
    ada.get(ada.begin_link("other"))
    elsewhere = Visitor(app, origin=WEBAPP)
    elsewhere.sign_in(provider="other")
    first, second = identities(ada)
    assert ada.delete(f"/auth/identities/{second['id']}").status_code == 204
    assert not elsewhere.is_signed_in
    assert ada.is_signed_in
    assert [item["id"] for item in identities(ada)] == [first["id"]]
    answer = ada.delete(f"/auth/identities/{first['id']}")
    assert (answer.status_code, answer.json["code"]) == (409, "last_identity")
    # Whoever signs in with it is somebody new.
    assert elsewhere.sign_in(provider="other").headers["location"] == f"{WEBAPP}/auth/register"
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_removing_ones_own_identity_signs_out(ada: Visitor) -> None:
    ada.get(ada.begin_link("other"))
    first, _ = identities(ada)
    answer = ada.delete(f"/auth/identities/{first['id']}")
    assert answer.status_code == 204
    assert "session" not in ada.cookies
    assert ada.sign_in(provider="other").headers["location"] == f"{WEBAPP}/dashboard"
    assert len(identities(ada)) == 1


def test_nobody_removes_somebody_elses(app: Any, ada: Visitor) -> None:
    ada.get(ada.begin_link("other"))
    stranger = Visitor(app, origin=WEBAPP)
    taken = identities(ada)[1]["id"]
    assert stranger.delete(f"/auth/identities/{taken}").status_code == 401
    for wrong in (taken[:-1] + ("0" if taken[-1] != "0" else "1"), "garbage"):
        answer = ada.delete(f"/auth/identities/{wrong}")
        assert (answer.status_code, answer.json["code"]) == (404, "identity_not_found")
    assert len(identities(ada)) == 2


def test_two_removals_at_once_leave_one(app: Any, ada: Visitor) -> None:
    ada.get(ada.begin_link("other"))
    first, second = (item["id"] for item in identities(ada))
    tabs = [Visitor(app, origin=WEBAPP) for _ in range(2)]
    for tab in tabs:
        tab.cookies = dict(ada.cookies)
    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(
                lambda tab, identity: tab.delete(f"/auth/identities/{identity}"), tabs, (second, first)
            )
        )
    assert sorted(answer.status_code for answer in answers) in ([204, 401], [204, 404], [204, 409])


def test_sessions_of_the_release_before_end_with_the_first_identity(
    app: Any, ada: Visitor, connection: Connection
) -> None:
    old = Visitor(app, origin=WEBAPP)
    old.sign_in(provider="oidc")
    connection.execute("UPDATE sessions SET identity_id = NULL, provider = NULL")
    ada.get(ada.begin_link("other"))
    first, second = identities(ada)
    assert ada.sign_in(provider="oidc").status_code == 303
    assert ada.delete(f"/auth/identities/{second['id']}").status_code == 204
    assert old.is_signed_in
    ada.get(ada.begin_link("other"))
    assert ada.delete(f"/auth/identities/{first['id']}").status_code == 204
    assert not old.is_signed_in
