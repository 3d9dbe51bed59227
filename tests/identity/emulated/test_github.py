"""GitHub is no OpenID provider: people are known by what its REST API says. Its answers are emulated."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.identity.emulated import github
from tests.identity.emulated.emulation import json_with
from tests.identity.emulated.github import EMAILS, TOKEN, USER, GitHub
from tests.identity.misbehaviour import begin_and_finish
from tests.support.provider import Answer
from tests.support.visitor import Visitor

ENVIRON = {"PROVIDERS": "github", **github.CLIENT}

FAULTS: dict[str, tuple[str, Answer, str]] = {
    "code-expired": (TOKEN, github.error("bad_verification_code"), "oauth_failed"),
    "secret-wrong": (TOKEN, github.error("incorrect_client_credentials"), "oauth_failed"),
    "redirect-uri-wrong": (TOKEN, github.error("redirect_uri_mismatch"), "oauth_failed"),
    "no-address-at-all": (TOKEN, github.error("unverified_user_email"), "oauth_failed"),
    "token-without-a-text": (TOKEN, json_with({"access_token": 5, "token_type": "bearer"}), "invalid_token"),
    "token-for-the-header": (TOKEN, json_with({"access_token": "a\r\nb: c"}), "invalid_token"),
    "only-an-id-token": (TOKEN, json_with({"id_token": "a.b.c", "token_type": "bearer"}), "oauth_failed"),
    "user-token-revoked": (USER, json_with({"message": "Bad credentials"}, 401), "provider_unavailable"),
    "user-limited": (USER, github.rate_limited(403), "provider_unavailable"),
    "user-limited-429": (USER, github.rate_limited(429), "provider_unavailable"),
    "user-limited-too": (USER, github.secondarily_limited(), "provider_unavailable"),
    "emails-limited": (EMAILS, github.rate_limited(403), "provider_unavailable"),
    "emails-limited-429": (EMAILS, github.rate_limited(429), "provider_unavailable"),
    "emails-limited-too": (EMAILS, github.secondarily_limited(), "provider_unavailable"),
    "emails-not-permitted": (EMAILS, json_with({"message": "Not Found"}, 404), "provider_unavailable"),
}
WRONG_EMAILS: dict[str, object] = {
    "none": [],
    "primary-not-verified": [{"email": "a@example.com", "primary": True, "verified": False}],
    "verified-not-primary": [{"email": "a@example.com", "primary": False, "verified": True}],
    "verified-in-words": [{"email": "a@example.com", "primary": True, "verified": "true"}],
    "primary-in-words": [{"email": "a@example.com", "primary": "true", "verified": True}],
    "numbers": [1, None, "a@example.com"],
    "address-missing": [{"primary": True, "verified": True}],
    "address-list": [{"email": ["a@example.com"], "primary": True, "verified": True}],
    "address-none": [{"email": "", "primary": True, "verified": True}],
}


@pytest.fixture
def app(github: GitHub, make_app: Callable[..., Any]) -> Any:
    return make_app(**ENVIRON)


def test_people_sign_in_with_their_number_and_their_primary_address(
    app: Any, github: GitHub, connection: Connection
) -> None:
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register()
    user = visitor.get("/auth/user").json
    assert user["email"] == github.address
    assert (user["name"], user["picture"]) == ("monalisa octocat", github.user["avatar_url"])
    identity = connection.execute("SELECT issuer, subject FROM identities").fetchone()
    assert identity == ("https://github.com", str(github.user["id"]))


def test_a_login_that_somebody_else_has_taken_over_is_another_account(app: Any, github: GitHub) -> None:
    Visitor(app, origin=WEBAPP).register()
    github.user["id"] += 1
    github.emails = [{"email": "new@example.com", "primary": True, "verified": True}]
    visitor = Visitor(app, origin=WEBAPP)
    visitor.sign_in()
    assert visitor.get("/auth/session").json["registered"] is False


def test_it_is_asked_for_a_code_with_pkce_and_for_addresses(app: Any) -> None:
    location = Visitor(app).get("/auth/login").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert location.startswith("https://github.com/login/oauth/authorize?")
    assert asked["redirect_uri"] == "http://localhost:3000/auth/callback/github"
    assert asked["code_challenge_method"] == "S256"
    assert "user:email" in asked["scope"].split()
    assert "repo" not in asked["scope"]


def test_no_secret_is_in_a_url(app: Any, github: GitHub) -> None:
    Visitor(app).sign_in()
    given = dict(github.requests)
    assert given[TOKEN]["client_secret"] == ENVIRON["GITHUB_CLIENT_SECRET"]
    for path in (USER, EMAILS):
        assert given[path]["header:authorization"].startswith("Bearer gho_")
        assert {name for name in given[path] if not name.startswith("header:")} <= {"per_page"}


@pytest.mark.parametrize(("path", "answer", "code"), FAULTS.values(), ids=FAULTS)
def test_a_documented_error_signs_nobody_in(
    app: Any, github: GitHub, refusal: Refusal, path: str, answer: Answer, code: str
) -> None:
    github.answers[path] = lambda _: answer
    refusal.check(begin_and_finish(app), code, "")
    assert github.visits.count(path) == 1


@pytest.mark.parametrize("emails", WRONG_EMAILS.values(), ids=WRONG_EMAILS)
def test_who_has_no_verified_primary_address_is_refused(
    app: Any, github: GitHub, refusal: Refusal, emails: object
) -> None:
    github.emails = emails
    github.user["email"] = "public@example.com"
    refusal.check(begin_and_finish(app), "email_not_verified", "")


def test_the_primary_address_may_be_the_last_of_many(app: Any, github: GitHub) -> None:
    old = {"email": "old@example.com", "verified": True, "primary": False, "visibility": None}
    primary = {"email": "new@example.com", "verified": True, "primary": True, "visibility": "private"}
    github.emails = [*[old] * 98, primary]
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register()
    assert visitor.get("/auth/user").json["email"] == "new@example.com"


def test_an_account_whose_address_lost_its_verification_is_refused_and_stays_as_it_is(
    app: Any, github: GitHub, refusal: Refusal, connection: Connection
) -> None:
    Visitor(app, origin=WEBAPP).register()
    before = connection.execute("SELECT email FROM users").fetchall()
    github.emails = [{"email": "new@example.com", "primary": True, "verified": False}]
    refusal.check(begin_and_finish(app), "email_not_verified", "", sessions=2)
    assert connection.execute("SELECT email FROM users").fetchall() == before


@pytest.mark.parametrize("place", ["access_token=gho_stolen", "id_token=a.b.c", "token=gho_stolen"])
def test_a_token_in_the_callback_is_no_code(app: Any, github: GitHub, refusal: Refusal, place: str) -> None:
    visitor = Visitor(app)
    state = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)["state"][0]
    answer = visitor.get(f"/auth/callback/github?{place}&state={state}")
    refusal.check(answer, "oauth_failed", "no code")
    assert TOKEN not in github.visits


@pytest.mark.parametrize("error", ["application_suspended", "redirect_uri_mismatch", "access_denied"])
def test_an_error_of_the_consent_page_ends_at_the_frontend(
    app: Any, github: GitHub, refusal: Refusal, error: str
) -> None:
    visitor = Visitor(app)
    state = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)["state"][0]
    more = "error_description=As+documented.&error_uri=https%3A%2F%2Fdocs.github.com%2F"
    answer = visitor.get(f"/auth/callback/github?error={error}&{more}&state={state}")
    refusal.check(answer, "access_denied" if error == "access_denied" else "oauth_failed", error)
    assert TOKEN not in github.visits


def test_an_enterprise_server_is_a_github_of_its_own(
    github: GitHub, make_app: Callable[..., Any], connection: Connection
) -> None:
    app = make_app(**ENVIRON, GITHUB_URL="https://api.github.com")
    Visitor(app, origin=WEBAPP).register()
    assert github.visits[-2:] == [f"/api/v3{USER}", f"/api/v3{EMAILS}"]
    assert connection.execute("SELECT issuer FROM identities").fetchone() == ("https://api.github.com",)


def test_nothing_of_githubs_tokens_is_stored(app: Any, github: GitHub, connection: Connection) -> None:
    issued: list[str] = []

    def remembered(parameters: dict[str, str]) -> Answer:
        answer = github.honest_answer(TOKEN, parameters)
        issued.append(json.loads(answer[2])["access_token"])
        return answer

    github.answers[TOKEN] = remembered
    Visitor(app, origin=WEBAPP).register()
    rows = connection.execute(
        "SELECT u::text, i::text, s::text FROM users u, identities i, sessions s"
    ).fetchall()
    assert len(issued) == 1
    assert rows
    assert issued[0] not in str(rows)
