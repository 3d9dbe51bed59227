"""GitHub, which is no OpenID provider: its documented answers, and their faults."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.identity.misbehaviour import FAILURES, Misbehaviour, begin_and_finish
from tests.support.github import API, LOGIN, GitHub
from tests.support.provider import OpenIDProvider, json_answer
from tests.support.visitor import Visitor

TOKEN, USER, EMAILS = f"{LOGIN}/access_token", f"{API}/user", f"{API}/user/emails"


@pytest.fixture
def github(provider: OpenIDProvider) -> GitHub:
    return GitHub(provider)


@pytest.fixture
def app(make_app: Callable[..., Any], github: GitHub) -> Any:
    return make_app(**github.environ)


def test_somebody_signs_in(visitor: Visitor, github: GitHub, connection: Connection) -> None:
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    assert visitor.get("/auth/session").json["user"] == {
        "id": None,
        "email": "octocat@example.com",
        "name": "The Octocat",
        "picture": "https://avatars.example.com/u/583231",
        "groups": [],
    }
    visitor.post("/auth/register")
    row = connection.execute("SELECT issuer, subject FROM identities").fetchone()
    assert row == (github.server.issuer, "583231")
    [identity] = visitor.get("/auth/identities").json["identities"]
    assert (identity["provider"], identity["email"]) == ("github", "octocat@example.com")
    assert visitor.get("/auth/providers").json["providers"][0]["label"] == "GitHub"


def test_it_is_asked_with_pkce_and_the_secret_in_the_body(visitor: Visitor, github: GitHub) -> None:
    location = visitor.get("/auth/login").headers["location"]
    query = parse_qs(urlsplit(location).query)
    assert location.startswith(f"{github.server.issuer}{LOGIN}/authorize?")
    assert query["scope"] == ["read:user user:email"]
    assert query["redirect_uri"] == ["http://localhost:3000/auth/callback/github"]
    assert query["code_challenge_method"] == ["S256"]
    assert "nonce" not in query
    visitor.sign_in()
    [(_, sent)] = github.server.requests
    assert "authenticated_by" not in sent
    assert sent["code_verifier"]


def test_the_account_is_known_by_its_number(app: Any, github: GitHub) -> None:
    ada = Visitor(app, origin=WEBAPP)
    user = ada.register()
    github.user |= {"login": "renamed", "name": None}
    again = Visitor(app, origin=WEBAPP)
    again.sign_in()
    assert again.get("/auth/session").json["user"]["id"] == user
    # The name that was given up belongs to somebody else now.
    github.user |= {"id": 42, "login": "octocat"}
    github.emails = [{"email": "other@example.com", "primary": True, "verified": True}]
    stranger = Visitor(app, origin=WEBAPP)
    assert stranger.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    assert stranger.get("/auth/session").json["user"]["name"] == "octocat"


NO_EMAIL: dict[str, Any] = {
    "none": [],
    "unverified": [{"email": "a@example.com", "primary": True, "verified": False}],
    "not-primary": [{"email": "a@example.com", "primary": False, "verified": True}],
    "verified-as-text": [{"email": "a@example.com", "primary": True, "verified": "true"}],
    "no-address": [{"primary": True, "verified": True}],
    "address-of-another-kind": [{"email": 5, "primary": True, "verified": True}],
    "texts": ["a@example.com"],
    "object": {"email": "a@example.com"},
    "null": None,
}


@pytest.mark.parametrize("emails", NO_EMAIL.values(), ids=NO_EMAIL)
@pytest.mark.parametrize("trust", ["false", "true"])
def test_without_a_primary_verified_address_nobody_is_signed_in(
    make_app: Callable[..., Any], github: GitHub, refusal: Refusal, emails: Any, trust: str
) -> None:
    github.emails = emails
    github.user["email"] = "public@example.com"
    visitor = Visitor(make_app(**github.environ, GITHUB_TRUST_EMAIL=trust))
    refusal.check(visitor.sign_in(), "email_not_verified", "")


@pytest.mark.parametrize("number", [None, "583231", 0, -1, 1.5, True, [1]], ids=str)
def test_an_account_without_a_number_is_nobody(
    visitor: Visitor, github: GitHub, refusal: Refusal, number: object
) -> None:
    github.user["id"] = number
    refusal.check(visitor.sign_in(), "invalid_token", "id")


@pytest.mark.parametrize("path", [TOKEN, USER, EMAILS])
@pytest.mark.parametrize("misbehave", FAILURES.values(), ids=FAILURES)
def test_a_failing_endpoint_makes_it_unavailable(
    app: Any,
    github: GitHub,
    refusal: Refusal,
    path: str,
    misbehave: Misbehaviour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, honest = github.server.answers[path], github.server.honest_answer
    monkeypatch.setattr(
        github.server,
        "honest_answer",
        lambda asked, given: own(given) if asked == path else honest(asked, given),
    )
    misbehave(github.server, path)
    answer = begin_and_finish(app)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["error"][0]
    # A list is what /user/emails answers with.
    assert code in {"provider_unavailable", "email_not_verified" if path == EMAILS else ""}
    refusal.check(answer, code, "")


@pytest.mark.parametrize("path", [USER, EMAILS])
@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_a_limit_or_a_missing_scope_makes_it_unavailable(
    visitor: Visitor, github: GitHub, refusal: Refusal, path: str, status: int
) -> None:
    github.server.answers[path] = lambda _: json_answer({"message": "API rate limit exceeded"}, status)
    refusal.check(visitor.sign_in(), "provider_unavailable", f"{status}")


@pytest.mark.parametrize(
    ("answer", "code", "cause"),
    [
        ({"error": "bad_verification_code"}, "oauth_failed", "bad_verification_code"),
        ({"error": "redirect_uri_mismatch"}, "oauth_failed", "redirect_uri_mismatch"),
        ({"error": "incorrect_client_credentials"}, "oauth_failed", "incorrect_client_credentials"),
        ({}, "oauth_failed", "access token"),
        ({"access_token": 5}, "invalid_token", "access token"),
        ({"access_token": ""}, "invalid_token", "access token"),
        ({"id_token": "a.b.c"}, "oauth_failed", "access token"),
    ],
    ids=str,
)
def test_a_token_answer_without_a_token_signs_nobody_in(
    visitor: Visitor, github: GitHub, refusal: Refusal, answer: dict[str, Any], code: Any, cause: str
) -> None:
    github.server.answers[TOKEN] = lambda _: json_answer(answer)
    refusal.check(visitor.sign_in(), code, cause)


def test_a_token_in_the_wrong_place_is_no_token(visitor: Visitor, github: GitHub, refusal: Refusal) -> None:
    form = b"access_token=x&token_type=bearer"
    github.server.answers[TOKEN] = lambda _: (
        200,
        {"Content-Type": "application/x-www-form-urlencoded"},
        form,
    )
    refusal.check(visitor.sign_in(), "provider_unavailable", "not JSON")
    path = visitor.go_to_provider() + "&access_token=x"
    github.server.answers[TOKEN] = lambda _: json_answer({})
    refusal.check(visitor.get(path), "oauth_failed", "access token")


@pytest.mark.parametrize("suffix", ["", "/login/oauth"])
def test_it_may_name_itself(visitor: Visitor, github: GitHub, suffix: str) -> None:
    issuer = quote(github.server.issuer + suffix, safe="")
    assert "error" not in visitor.get(f"{visitor.go_to_provider()}&iss={issuer}").headers["location"]


@pytest.mark.parametrize("issuer", ["https://github.com", "https://evil.example", "", "x"])
def test_it_may_name_nobody_else(visitor: Visitor, refusal: Refusal, issuer: str) -> None:
    path = f"{visitor.go_to_provider()}&iss={quote(issuer, safe='')}"
    refusal.check(visitor.get(path), "invalid_state", "issuer")


def test_it_signs_nobody_out(visitor: Visitor) -> None:
    visitor.sign_in()
    answer = visitor.post(
        "/auth/backchannel-logout/github",
        body="logout_token=a.b.c",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_logout_token")
    assert visitor.post("/auth/logout?provider=1").json == {"logout_url": None}


def test_whom_another_site_sends_is_asked(visitor: Visitor) -> None:
    answer = visitor.get("/auth/login", headers={"Sec-Fetch-Site": "cross-site"})
    assert parse_qs(urlsplit(answer.headers["location"]).query)["prompt"] == ["select_account"]
